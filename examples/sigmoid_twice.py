"""Why a discriminator must not end in a sigmoid or tanh where the loss reads logits: three runs, and their curves.

python examples/sigmoid_twice.py                 # 10,000 Fashion-MNIST images that come with the package

DCGAN refuses such a discriminator. Here the loss squashes the logit once more, which comes to the same.
Needs matplotlib: pip install "keras-dcgan[plots]"
"""

import argparse
import pathlib

import keras
import matplotlib.pyplot as plt

import keras_dcgan

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data", default="fashion_mnist_10k", help="source for keras_dcgan.datasets.load")
parser.add_argument("--epochs", type=int, default=8)
parser.add_argument(
    "--out", type=pathlib.Path, default=pathlib.Path("out/sigmoid_twice"), help="folder for the results"
)
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
args.out.mkdir(parents=True, exist_ok=True)


class Squashed(keras_dcgan.losses.NonSaturating):
    """The default loss, of a discriminator that ends in `squash`."""

    def __init__(self, squash):
        super().__init__()
        self.squash = squash

    def discriminator(self, real_logits, fake_logits):
        return super().discriminator(self.squash(real_logits), self.squash(fake_logits))

    def generator(self, fake_logits, real_logits=None):
        return super().generator(self.squash(fake_logits))


images, _ = keras_dcgan.datasets.load(args.data)
figure, plots = plt.subplots(1, 2, sharex=True, figsize=(8, 3.5), layout="constrained")
for name, loss in {
    "linear": keras_dcgan.losses.NonSaturating(),
    "sigmoid": Squashed(keras.ops.sigmoid),
    "tanh": Squashed(keras.ops.tanh),
}.items():
    keras.utils.set_random_seed(args.seed)  # the same start and order for each
    gan = keras_dcgan.DCGAN.from_preset("radford_28", image_shape=images.shape[1:], width=0.25, seed=args.seed)
    gan.compile(keras.optimizers.Adam(1e-3, beta_1=0.5), keras.optimizers.Adam(1e-3, beta_1=0.5), loss)
    history = gan.fit(images, batch_size=32, epochs=args.epochs, verbose=2).history
    keras_dcgan.images.grid(gan.generate(50, seed=args.seed), 10, scale=2).save(args.out / f"{name}.png")
    for axes, key in zip(plots, ("d_loss", "g_loss"), strict=True):
        axes.plot(range(1, args.epochs + 1), history[key], label=name)
        axes.set(title=key, xlabel="epoch")
for axes in plots:
    axes.set_ylim(bottom=0)
plots[1].legend(title="discriminator ends in", loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
figure.savefig(args.out / "losses.png", dpi=100)
print(f"Curves {args.out / 'losses.png'}; samples linear.png, sigmoid.png and tanh.png beside it")
