"""The loop of PyTorch's DCGAN example: the discriminator on real and generated images, then the generator."""

import keras
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def network(keras_network):
    """The same network in PyTorch with the same weights.

    For odd kernels with stride 2, TensorFlow pads one more row after an image, PyTorch one more before it. The result
    is the mirrored network with mirrored weights.
    """
    modules = []
    grid = None  # (rows, columns, channels) of what a dense layer makes or reads
    layers = keras_network.layers
    shapes = iter([x.target_shape for x in layers if isinstance(x, keras.layers.Reshape)])
    for layer in layers:
        weights = [w.numpy() for w in layer.weights]
        match layer:
            case keras.layers.Dense():
                kernel = weights[0].T
                modules.append(nn.Linear(*weights[0].shape, bias=layer.use_bias))
                if layer.units == 1:
                    weights[0] = kernel[:, _mirrored(grid)]
                else:
                    grid = next(shapes)
                    weights[0] = kernel[_mirrored(grid)]
            case keras.layers.Conv2D() | keras.layers.Conv2DTranspose():
                size, stride = layer.kernel_size[0], layer.strides[0]
                kind, options = nn.Conv2d, {"padding": (size - 1) // 2}
                if isinstance(layer, keras.layers.Conv2DTranspose):
                    kind = nn.ConvTranspose2d
                    options["output_padding"] = stride - size + 2 * options["padding"]
                weights[0] = weights[0][::-1, ::-1].transpose(3, 2, 0, 1)
                channels = layer.input.shape[-1], layer.filters
                modules.append(kind(*channels, size, stride, bias=layer.use_bias, **options))
            case keras.layers.BatchNormalization():
                flat = len(layer.input.shape) == 2
                if flat:
                    weights = [w[_mirrored(grid)] for w in weights]
                kind = nn.BatchNorm1d if flat else nn.BatchNorm2d
                modules.append(kind(len(weights[0]), eps=layer.epsilon, momentum=1 - layer.momentum))
            case keras.layers.LeakyReLU():
                modules.append(nn.LeakyReLU(layer.negative_slope))
            case keras.layers.ReLU():
                modules.append(nn.ReLU())
            case keras.layers.Dropout():
                modules.append(nn.Dropout(layer.rate))
            case keras.layers.Reshape():
                rows, columns, channels = layer.target_shape
                modules.append(nn.Unflatten(1, (channels, rows, columns)))
            case keras.layers.Flatten():
                grid = layer.input.shape[1:]
                modules.append(nn.Flatten())
            case keras.layers.Activation():
                modules.append(nn.Tanh())
        targets = [t for t in modules[-1].state_dict().values() if t.ndim] if weights else []
        for target, value in zip(targets, weights, strict=True):
            target.copy_(torch.from_numpy(np.ascontiguousarray(value)))
    return nn.Sequential(*modules)


def _mirrored(grid):
    """The indices of Keras's units in PyTorch's order, channels first and mirrored."""
    return np.arange(np.prod(grid)).reshape(grid)[::-1, ::-1].transpose(2, 0, 1).ravel()


class Loop:
    def __init__(self, generator, discriminator, images, batch_size, g_opt, d_opt, layout=torch.contiguous_format):
        torch.backends.cudnn.benchmark = True
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.latent_dim = generator.input_shape[1]
        # in memory; shapes are channels first in any case
        self.generator = network(generator).to(self.device, memory_format=layout)
        self.discriminator = network(discriminator).to(self.device, memory_format=layout)
        images = (torch.from_numpy(images).permute(0, 3, 1, 2).float() - 127.5) / 127.5
        self.data = DataLoader(TensorDataset(images), batch_size, shuffle=True)
        self.g_opt = torch.optim.Adam(self.generator.parameters(), **g_opt)
        self.d_opt = torch.optim.Adam(self.discriminator.parameters(), **d_opt)
        self.criterion = nn.BCEWithLogitsLoss()

    def train_step(self, real):
        n = len(real)
        ones, zeros = torch.ones(n, 1, device=self.device), torch.zeros(n, 1, device=self.device)

        self.d_opt.zero_grad()
        d_loss_real = self.criterion(self.discriminator(real), ones)
        d_loss_real.backward()
        fake = self.generator(torch.randn(n, self.latent_dim, device=self.device))
        d_loss_fake = self.criterion(self.discriminator(fake.detach()), zeros)
        d_loss_fake.backward()
        self.d_opt.step()

        self.g_opt.zero_grad()
        g_loss = self.criterion(self.discriminator(fake), ones)
        g_loss.backward()
        self.g_opt.step()
        return g_loss.item(), (d_loss_real + d_loss_fake).item()

    def train(self, starter):
        while starter.go():
            for (real,) in self.data:
                self.train_step(real.to(self.device))
            starter.done()
