"""Exported generators, served by their own runtimes in processes that do not know this package."""

import importlib.util
import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from conftest import BACKEND, tiny

import keras_dcgan

SERVE = {
    "tf_saved_model": """
import tensorflow as tf
def load(path):
    served = tf.saved_model.load(path)
    return lambda latents, **labels: served.serve([latents, labels["labels"]] if labels else latents).numpy()
""",
    "onnx": """
import onnxruntime
def load(path):
    session = onnxruntime.InferenceSession(path)
    return lambda **inputs: session.run(None, inputs)[0]
""",
    "litert": """
from ai_edge_litert.interpreter import Interpreter
def load(path):
    runner = Interpreter(model_path=path).get_signature_runner()
    return lambda **inputs: next(iter(runner(**inputs).values()))
""",
}
CHILD = """
import sys
import numpy as np
%s
for path in sys.argv[1:]:
    run, inputs = load(path), dict(np.load(path + ".inputs.npz"))
    np.savez(path + ".made.npz", *[run(**{name: value[:n] for name, value in inputs.items()}) for n in (1, 3, 5)])
assert "keras_dcgan" not in sys.modules
"""
PRESETS = ("mnist", "fashion_mnist_conditional", "radford_28_conditional", "radford_mnist")
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
    gan = tiny(preset, **({"conditional_batch_norm": True} if preset == "radford_28_conditional" else {}))
    rng = np.random.default_rng(0)
    for variable in gan.generator.trainable_variables:  # images that differ to the eye
        variable.assign(rng.normal(0, 0.5, variable.shape))
    return gan


def inputs_of(gan):
    inputs = {"latents": np.random.default_rng(1).normal(size=(5, 4)).astype("float32")}
    return inputs | ({"labels": np.array([0, 2, 1, 1, 0], "int32")} if len(gan.generator.inputs) == 2 else {})


def serve(format, paths):
    """Runs exported generators on the inputs beside them, all in one process of their runtime."""
    command = [sys.executable, "-c", CHILD % SERVE[format], *map(str, paths)]
    subprocess.run(command, check=True, env=os.environ | {"TF_USE_LEGACY_KERAS": "0"})


def assert_served(path, expected):
    """Batches of 1, 3 and 5 images, in this process and served, are the same."""
    with np.load(f"{path}.made.npz") as file:
        for name, n in zip(file.files, (1, 3, 5), strict=True):
            assert file[name].shape == (n, 8, 8, 1)
            np.testing.assert_allclose(file[name], expected[:n], atol=1e-4)


def predicted(gan, path):
    """The model's own images, after its inputs are saved beside its exported file."""
    inputs = inputs_of(gan)
    np.savez(f"{path}.inputs.npz", **inputs)
    return np.asarray(gan.predict_on_batch(list(inputs.values()) if len(inputs) == 2 else inputs["latents"]))


@pytest.mark.parametrize("format", ENDINGS)
def test_exported_generators_make_the_same_images(tmp_path, format):
    needs(format)
    if (BACKEND, format) in [("jax", "litert"), ("torch", "litert"), ("torch", "tf_saved_model")]:
        with pytest.raises(ValueError, match=f'"{format}" is not available on.*KERAS_BACKEND=tensorflow'):
            model("mnist").export(tmp_path / f"generator{ENDINGS[format]}", format)
        return
    expected = {}
    for preset in PRESETS:
        gan, path = model(preset), tmp_path / preset / f"generator{ENDINGS[format]}"
        path.parent.mkdir()
        gan.export(path, format)
        assert [p.name for p in path.parent.iterdir()] == [path.name]
        expected[path] = predicted(gan, path)
        assert expected[path].std() > 0.1
    if format == "onnx":  # trained in bfloat16, served in float32
        keras.config.set_dtype_policy("mixed_bfloat16")
        try:
            half = tiny("fashion_mnist_conditional")
        finally:
            keras.config.set_dtype_policy("float32")
        full, path = model("fashion_mnist_conditional"), tmp_path / "half" / "generator.onnx"
        path.parent.mkdir()
        half.set_weights(full.get_weights())
        half.export(path, format)
        expected[path] = predicted(full, path)
    serve(format, expected)
    for path, images in expected.items():
        assert_served(path, images)


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_an_onnx_file_describes_itself(tmp_path, dtype):
    needs("onnx")
    import onnxruntime

    z, labels = keras.Input((4,), name="latents"), keras.Input((), dtype=dtype)
    x = keras.layers.Concatenate()([z, keras.layers.Embedding(2, 3)(labels)])
    x = keras.layers.Reshape((8, 8, 1))(keras.layers.Dense(64, activation="sigmoid")(x))
    images, y = keras.Input((8, 8, 1)), keras.Input((), dtype="int32")
    logits = keras.layers.Dense(1)(
        keras.layers.Concatenate()([keras.layers.Flatten()(images), keras.layers.Embedding(2, 3)(y)])
    )
    networks = keras.Model([z, labels], x), keras.Model([images, y], logits)
    gan = keras_dcgan.ConditionalDCGAN(*networks, value_range=(0, 1), class_names=["star", "moon"])
    gan.export(tmp_path / "a.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "a.onnx")
    described = session.get_modelmeta().custom_metadata_map
    assert {name: json.loads(value) for name, value in described.items()} == {
        "value_range": [0.0, 1.0],
        "latent_prior": "normal",
        "class_names": ["star", "moon"],
    }
    assert [x.name for x in session.get_inputs()] == ["latents", "labels"]
    dtype = "int32" if BACKEND == "jax" else dtype  # JAX has no int64
    inputs = {"latents": np.ones((3, 4), "float32"), "labels": np.array([0, 1, 1], dtype)}
    (made,) = session.run(["images"], inputs)
    np.testing.assert_allclose(made, gan.predict_on_batch(list(inputs.values())), atol=1e-5)


def test_an_old_export_is_replaced(tmp_path):
    if BACKEND == "torch":
        pytest.skip("PyTorch makes no SavedModel")
    gan = model("mnist")
    for _ in range(2):
        gan.export(tmp_path / "a" / "generator")
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["generator"]
    assert (tmp_path / "a" / "generator" / "saved_model.pb").exists()
