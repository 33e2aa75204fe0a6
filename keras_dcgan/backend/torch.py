"""One gradient step on PyTorch."""

import contextlib

import keras
import torch


def step(method):
    """PyTorch's trainer calls `(self, data)`, and assignments happen at once."""
    return method


def gradients(model, forward, *variables):
    """Runs `forward` once and differentiates each of its losses by its own variables.

    Args:
        model: the model whose step this is.
        forward: callable without arguments that returns `(losses, rest)`, one scalar loss a list of variables.
        *variables: lists of `keras.Variable`.

    Returns:
        `(losses, rest, gradients)`, losses and rest detached, one list of gradients a list of variables, None for an
        unconnected variable.
    """
    with torch.enable_grad():
        losses, rest = forward()
    result = []
    for i, (loss, group) in enumerate(zip(losses, variables, strict=True)):
        parameters = [v.value for v in group]
        more = i < len(losses) - 1
        result.append(
            list(torch.autograd.grad(loss, parameters, retain_graph=more, allow_unused=True)) if parameters else []
        )
    losses, rest = keras.tree.map_structure(torch.Tensor.detach, (losses, rest))
    return losses, rest, result


def input_gradient(function, x):
    """The gradient of the sum of `function(x)` by x, itself to be differentiated again."""
    x = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(function(x).sum(), x, create_graph=True)
    return gradient


@torch.no_grad()
def apply(optimizer, gradients, variables):
    """Lets the optimizer update the variables."""
    optimizer.apply(gradients, variables)


def train_function(model):
    """None, for the trainer's own: steps are run one by one."""


def concrete(tensor):
    """The tensor as a NumPy array, or None for one without values."""
    if isinstance(tensor, torch.Tensor) and tensor.device.type != "meta":
        return tensor.detach().cpu().numpy()
    return None


def kept(model):
    """Variables keep their values, whatever fails."""
    return contextlib.nullcontext()
