"""The PyTorch backend: trainer, gradients, inference and several processes."""

import contextlib
import functools

import keras
import torch
from torch import distributed

from keras_dcgan.backend import processor, random_states, signals
from keras_dcgan.backend.shared import (
    local_scope as local_scope,
    predict as predict,
    readable as readable,
    restored as restored,
    shard as shard,
)

Trainer = keras.Model


def step(method):
    """PyTorch's trainer calls `(self, data)`. Each process gets its own random states."""

    @functools.wraps(method)
    def drawing_its_own(self, data):
        with signals.deferred(), _own_random_states(self):
            return method(self, data)

    return drawing_its_own


def _own_random_states(model):
    """Gives every process its own random states while a body runs."""
    if process_id() == 0:
        return contextlib.nullcontext()
    away = keras.ops.convert_to_tensor([process_id() * 0x61C88647, 0], "int64")  # on the device of the states
    return random_states.shifted(model, away)


def gradients(model, forward, *variables):
    """Differentiates losses; over several processes, the gradients are averaged. Losses and rest are detached."""
    with torch.enable_grad():
        losses, rest = forward()
    result = []
    for i, (loss, group) in enumerate(zip(losses, variables, strict=True)):
        parameters = [v.value for v in group]
        more = i < len(losses) - 1
        result.append(list(torch.autograd.grad(loss, parameters, retain_graph=more, materialize_grads=True)))
    losses, rest = keras.tree.map_structure(torch.Tensor.detach, (losses, rest))
    return losses, rest, [mean(group) for group in result]


def cond(model, condition, then, otherwise):
    """One of two results."""
    return keras.ops.cond(condition, then, otherwise)


def input_gradient(function, x):
    """The gradient of the sum of `function(x)` with respect to x, which can itself be differentiated."""
    x = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(function(x).sum(), x, create_graph=True)
    return gradient


def normalize(x, axis, scale, center, epsilon):
    """Batch normalization in one operation, in place of Keras's seven."""
    x = x.movedim(axis, 1)
    y, mean, factor = torch.native_batch_norm(x, scale, center, None, None, True, 0.0, epsilon)
    return y.movedim(1, axis), mean, factor**-2 - epsilon


def conv_transpose(x, kernel, strides):
    """Without the borders that Keras computes and removes."""
    x, kernel = (keras.ops.convert_to_tensor(tensor) for tensor in (x, kernel))
    kernel = kernel.permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last)
    rows, columns = (n * stride for n, stride in zip(x.shape[1:3], strides, strict=True))
    before = [(k - stride) // 2 for k, stride in zip(kernel.shape[2:], strides, strict=True)]
    y = torch.nn.functional.conv_transpose2d(x.permute(0, 3, 1, 2), kernel, stride=strides, padding=before)
    return y[:, :, :rows, :columns].permute(0, 2, 3, 1).contiguous()  # the next layers are slower on a view


@torch.no_grad()
def apply(optimizer, gradients, variables):
    """Lets the optimizer update the variables."""
    optimizer.apply(gradients, variables)


def batch_multiple(model):
    """1: batches may have any size."""
    return 1


def synchronize_processes(model, amounts):
    """The amounts of all processes. All models get the first one's values."""
    if num_processes() == 1:
        return [amounts]
    for variable in [*model.variables, *(model.optimizer.variables if model.compiled else [])]:
        distributed.broadcast(variable.value.data, 0)
    everyones = [None] * num_processes()
    distributed.all_gather_object(everyones, amounts)
    return everyones


def mean(values):
    """The means of tensors, such as gradients, over all processes."""
    if num_processes() == 1:
        return values
    flat = torch.cat([value.ravel() for value in values]) / num_processes()  # one message for all
    distributed.all_reduce(flat)
    parts = flat.split([value.numel() for value in values])
    return [part.view_as(value) for part, value in zip(parts, values, strict=True)]


def has_fast_bfloat16():
    """Whether the GPU, or the processor if there is none, has instructions for bfloat16."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return processor.has_bfloat16()


def num_processes():
    """The number of processes that train one model together."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def process_id():
    """The number of this process; 0 is the one that writes files."""
    return distributed.get_rank() if num_processes() > 1 else 0


def to_numpy_or_none(tensor):
    """The tensor as a NumPy array, or None for one without values."""
    if isinstance(tensor, torch.Tensor) and tensor.device.type != "meta":
        return tensor.detach().cpu().numpy()
    return None
