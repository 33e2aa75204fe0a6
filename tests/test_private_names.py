"""Private names of Keras and PyTorch in use: all are listed in CONTRIBUTING.md, and each still exists."""

import ast
import inspect
import pathlib
import re

import keras
import pytest
from conftest import BACKEND, tiny

ROOT = pathlib.Path(__file__).parents[1]


def private_names():
    """Private attributes in the package that it does not define itself."""
    used, own = set(), set()
    for path in (ROOT / "keras_dcgan").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and re.match("_[a-z]", node.attr):
                used.add(node.attr)
                if isinstance(node.ctx, ast.Store):
                    own.add(node.attr)
            elif isinstance(node, ast.FunctionDef | ast.ClassDef):
                own.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                own.add(node.id)
    # of those that the library sets or overrides, these are Keras's and PyTorch's
    return (used - own) | {
        "_get_jax_state",
        "_initial_epoch",
        "_iterator",
        "_jax_state",
        "_jax_state_synced",
        "_use_cached_eval_dataset",
        "_value",
    }


def listed():
    """The names in the table of CONTRIBUTING.md."""
    section = (ROOT / "CONTRIBUTING.md").read_text().split("## Private names of Keras")[1].split("\n## ")[0]
    return set(re.findall(r"^\| `(_\w+)` \|", section, re.M))


@pytest.mark.once
def test_the_private_names_in_the_code_are_those_listed():
    assert private_names() == listed() == set(NAMES)


def nodes_by_depth(network):
    return keras.Function(network.inputs, network.outputs)._nodes_by_depth


def torch_loader():
    import torch

    return torch.utils.data.DataLoader


NAMES = {
    "_autoconvert_optionals": lambda: BACKEND != "tensorflow" or callable(keras.Model()._autoconvert_optionals),
    "_flatten_layers": lambda: len(tiny()._flatten_layers()) > 10,
    "_get_jax_state": lambda: BACKEND != "jax" or "self._get_jax_state(" in inspect.getsource(keras.Model.fit),
    "_inbound_nodes": lambda: tiny().generator.layers[-1]._inbound_nodes[0].input_tensors,
    "_initial_epoch": lambda: "model._initial_epoch" in inspect.getsource(keras.callbacks.BackupAndRestore),
    "_iterator": lambda: BACKEND != "torch" or "self._iterator" in inspect.getsource(torch_loader()),
    "_jax_state": lambda: BACKEND != "jax" or "self._jax_state =" in inspect.getsource(keras.Model.fit),
    "_jax_state_synced": lambda: BACKEND != "jax" or "self._jax_state_synced" in inspect.getsource(keras.Model.fit),
    "_keras_history": lambda: len(tiny().generator.outputs[0]._keras_history) == 3,
    "_loss_tracker": lambda: tiny()._loss_tracker in tiny().metrics or tiny()._loss_tracker.name == "loss",
    "_nodes_by_depth": lambda: nodes_by_depth(tiny().generator),
    "_purge_model_variables": lambda: BACKEND != "jax" or callable(keras.Model()._purge_model_variables),
    "_trainable_variables": lambda: tiny().g_opt._trainable_variables,
    "_use_cached_eval_dataset": lambda: "_use_cached_eval_dataset" in inspect.getsource(keras.Model.fit),
    "_value": lambda: BACKEND != "jax" or keras.Variable([1.0])._value is not None,
}


@pytest.mark.parametrize("name", NAMES)
def test_keras_still_has_the_name(name):
    assert NAMES[name]()
