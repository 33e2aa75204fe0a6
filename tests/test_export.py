"""Export: how the format is chosen, and the arguments it refuses. tests/slow/test_exported_files.py runs the files."""

import importlib.util
import pathlib

import pytest
from conftest import BACKEND, tiny

import keras_dcgan

MADE_WITH = {"tensorflow": "tf2onnx", "jax": "jax2onnx", "torch": "onnx"}


def test_a_missing_package_is_named_with_its_command(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=f"pip install {MADE_WITH[BACKEND]}"):
        tiny().export(tmp_path / "generator.onnx", "onnx")


@pytest.mark.once
@pytest.mark.parametrize(
    ("name", "format", "expected"),
    [
        ("a.onnx", None, "onnx"),
        ("a.tflite", None, "litert"),
        ("a", None, "tf_saved_model"),
        ("v1.0", "tf_saved_model", "tf_saved_model"),
    ],
)
@pytest.mark.parametrize("verbose", [False, True])
def test_the_suffix_decides_the_format(tmp_path, monkeypatch, name, format, expected, verbose):
    calls = []

    def export(path, format, verbose, input_signature):
        calls.append((format, verbose))
        pathlib.Path(path).touch()

    gan = tiny()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: True)
    monkeypatch.setattr(gan.generator, "export", export)
    monkeypatch.setattr(keras_dcgan.export, "_describe_onnx", lambda path, metadata: None)
    gan.export(tmp_path / name, format, verbose=verbose)
    assert calls == [(expected, verbose)]
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.once
@pytest.mark.parametrize(
    ("name", "format", "message"),
    [
        ("a.onnx", "openvino", '`format` must be "tf_saved_model", "onnx", "litert"'),
        ("a.pb", "onnx", "`filepath` must end in .onnx"),
        ("a", "onnx", "`filepath` must end in .onnx"),
        ("a.onnx", "litert", "`filepath` must end in .tflite"),
        ("a.onnx", "tf_saved_model", "`filepath` must not end in .onnx for tf_saved_model"),
        ("v1.0", None, '`filepath` must end in .onnx or .tflite, or have no suffix.*"tf_saved_model", "onnx"'),
    ],
)
def test_refuses_another_format_or_suffix(tmp_path, name, format, message):
    with pytest.raises(ValueError, match=message):
        tiny().export(tmp_path / name, format)
    assert not list(tmp_path.iterdir())


@pytest.mark.once
@pytest.mark.parametrize("name", ["input_signature", "opset_version"])
def test_refuses_other_arguments_of_keras(tmp_path, name):
    with pytest.raises(TypeError, match=rf"export\(\) takes filepath, format, verbose\..*Received: {name}"):
        tiny().export(tmp_path / "a.onnx", **{name: None})


@pytest.mark.once
@pytest.mark.parametrize(
    ("folder", "name", "message"),
    [
        ("mine.onnx", "mine.onnx", "`filepath` must be a file for onnx, but is a folder"),
        ("mine", "mine", "`filepath` exists and is not a SavedModel"),
        ("mine", "mine/file", "`filepath` exists and is not a SavedModel"),
    ],
)
def test_what_is_no_export_is_not_replaced(tmp_path, monkeypatch, folder, name, message):
    gan = tiny()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: True)
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "file").write_text("of value")
    with pytest.raises(ValueError, match=message):
        gan.export(tmp_path / name)
    assert (tmp_path / folder / "file").read_text() == "of value"
