"""Export: the arguments it refuses. The exported files run in tests/slow/test_exported_files.py."""

import importlib.util

import pytest
from conftest import BACKEND, tiny

MADE_WITH = {"tensorflow": "tf2onnx", "jax": "jax2onnx", "torch": "onnx"}


def test_a_missing_package_is_named_with_its_command(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=f"pip install {MADE_WITH[BACKEND]}"):
        tiny().export(tmp_path / "generator.onnx", "onnx")


@pytest.mark.parametrize(
    ("name", "format", "message"),
    [
        ("a.onnx", "openvino", '`format` must be "tf_saved_model", "onnx", "litert"'),
        ("a.pb", "onnx", "`filepath` must end in .onnx"),
    ],
)
def test_refuses_another_format_or_ending(tmp_path, name, format, message):
    pytest.importorskip(MADE_WITH[BACKEND])
    with pytest.raises(ValueError, match=message):
        tiny().export(tmp_path / name, format)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_no_saved_model_is_not_replaced(tmp_path):
    if BACKEND == "torch":
        pytest.skip("PyTorch makes no SavedModel")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("of value")
    with pytest.raises(ValueError, match="`filepath` exists and is no SavedModel"):
        tiny().export(tmp_path / "mine")
    assert (tmp_path / "mine" / "file").read_text() == "of value"
