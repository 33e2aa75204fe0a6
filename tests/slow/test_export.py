"""Exported generators, served by their own runtimes in processes that do not know this package."""

import importlib.util
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from conftest import BACKEND, tiny
from scripts import LIMIT

SERVE = {
    "tf_saved_model": """
import tensorflow as tf
served = tf.saved_model.load(path)
run = lambda latents, **labels: served.serve([latents, labels["labels"]] if labels else latents).numpy()
""",
    "onnx": """
import onnxruntime
session = onnxruntime.InferenceSession(path)
run = lambda **inputs: session.run(None, inputs)[0]
""",
    "litert": """
from ai_edge_litert.interpreter import Interpreter
runner = Interpreter(model_path=path).get_signature_runner()
run = lambda **inputs: next(iter(runner(**inputs).values()))
""",
}
CHILD = """
import sys
import numpy as np

path, inputs, out = sys.argv[1:]
inputs = dict(np.load(inputs))
%s
made = [run(**{name: value[:n] for name, value in inputs.items()}) for n in (1, 3, 5)]
assert "keras_dcgan" not in sys.modules
np.savez(out, *made)
"""
ENDINGS = {"tf_saved_model": "", "onnx": ".onnx", "litert": ".tflite"}
MADE_WITH = {"tensorflow": "tf2onnx", "jax": "jax2onnx", "torch": "onnx"}
RUNTIMES = {"tf_saved_model": "tensorflow", "onnx": "onnxruntime", "litert": "ai_edge_litert"}
CONVERTERS = [
    "ignore:.*np.object.*:FutureWarning",  # TensorFlow, of NumPy
    "ignore::DeprecationWarning",  # onnx, jax2onnx and torch's exporter, of each other
    "ignore::UserWarning",  # the same of shapes that they trace
]
if BACKEND == "torch":
    CONVERTERS.append("ignore::torch.jit.TracerWarning")
pytestmark = [pytest.mark.filterwarnings(text) for text in CONVERTERS]


def needs(format):
    packages = [RUNTIMES[format]] + ([MADE_WITH[BACKEND]] if format == "onnx" else [])
    for package in packages:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")


def model(preset):
    gan = tiny(preset)
    rng = np.random.default_rng(0)
    for variable in gan.generator.trainable_variables:  # images that differ to the eye
        variable.assign(rng.normal(0, 0.5, variable.shape))
    return gan


def inputs_of(gan):
    inputs = {"latents": np.random.default_rng(1).normal(size=(5, 4)).astype("float32")}
    return inputs | ({"labels": np.array([0, 2, 1, 1, 0], "int32")} if len(gan.generator.inputs) == 2 else {})


def served(path, format, inputs, folder):
    np.savez(folder / "inputs.npz", **inputs)
    command = [
        sys.executable,
        "-c",
        CHILD % SERVE[format],
        *map(str, (path, folder / "inputs.npz", folder / "out.npz")),
    ]
    subprocess.run(command, check=True, timeout=LIMIT, cwd=folder, env=os.environ | {"TF_USE_LEGACY_KERAS": "0"})
    out = np.load(folder / "out.npz")
    return [out[name] for name in out.files]


@pytest.mark.parametrize("format", ENDINGS)
@pytest.mark.parametrize("preset", ["mnist", "fashion_mnist_conditional", "radford_28_conditional", "radford_mnist"])
def test_an_exported_generator_makes_the_same_images(tmp_path, preset, format):
    needs(format)
    gan, path = model(preset), tmp_path / f"generator{ENDINGS[format]}"
    if (BACKEND, format) in [("jax", "litert"), ("torch", "litert"), ("torch", "tf_saved_model")]:
        with pytest.raises(ValueError, match=f'"{format}" cannot be made on.*KERAS_BACKEND=tensorflow'):
            gan.export(path, format)
        return
    gan.export(path, format)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    inputs = inputs_of(gan)
    expected = np.asarray(gan.predict_on_batch(list(inputs.values()) if len(inputs) == 2 else inputs["latents"]))
    assert expected.std() > 0.1
    for made, n in zip(served(path, format, inputs, tmp_path), (1, 3, 5), strict=True):
        assert made.shape == (n, 8, 8, 1)
        np.testing.assert_allclose(made, expected[:n], atol=1e-4)


def test_what_was_trained_in_bfloat16_is_served_in_float32(tmp_path):
    needs("onnx")
    full = model("fashion_mnist_conditional")
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        half = tiny("fashion_mnist_conditional")
    finally:
        keras.config.set_dtype_policy("float32")
    half.set_weights(full.get_weights())
    half.export(tmp_path / "generator.onnx", "onnx")
    inputs = inputs_of(full)
    expected = np.asarray(full.predict_on_batch(list(inputs.values())))
    np.testing.assert_allclose(served(tmp_path / "generator.onnx", "onnx", inputs, tmp_path)[2], expected, atol=1e-4)


def test_an_old_export_is_replaced(tmp_path):
    if BACKEND == "torch":
        pytest.skip("PyTorch makes no SavedModel")
    gan = model("mnist")
    for _ in range(2):
        gan.export(tmp_path / "a" / "generator")
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["generator"]
    assert (tmp_path / "a" / "generator" / "saved_model.pb").exists()
