"""Export of a trained generator to files for other runtimes, which need neither Keras nor this package."""

import importlib.util
import json
import pathlib

import keras

from keras_dcgan.training import files

# format: suffix of its file, and the package that each backend writes it with
_FORMATS = {
    "tf_saved_model": ("", {"tensorflow": "tensorflow", "jax": "tensorflow"}),
    "onnx": (".onnx", {"tensorflow": "tf2onnx", "jax": "jax2onnx", "torch": "onnx"}),
    "litert": (".tflite", {"tensorflow": "tensorflow"}),
}


def export(generator, filepath, format, verbose, metadata):
    """Exports a generator for inference, see `DCGAN.export`."""
    filepath = pathlib.Path(filepath)
    format = _checked_format(filepath, format)
    names = ("latents", "labels")
    signature = [
        keras.InputSpec(shape=(None, *x.shape[1:]), dtype=x.dtype, name=name)
        for name, x in zip(names, generator.inputs, strict=False)
    ]
    signature = signature if len(signature) == 1 else [signature]
    replacing = files.replacing_folder if format == "tf_saved_model" else files.replacing
    with replacing(filepath) as temporary:
        _in_float32(generator).export(str(temporary), format=format, verbose=verbose, input_signature=signature)
        if format == "onnx":
            _describe_onnx(temporary, metadata)


def _describe_onnx(path, metadata):
    """Renames the output of an ONNX file to `images` and adds metadata."""
    import onnx

    model = onnx.load(path)
    (output,) = model.graph.output
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = ["images" if name == output.name else name for name in names]
    output.name = "images"
    known = {name: json.dumps(value) for name, value in metadata.items() if value is not None}
    onnx.helper.set_model_props(model, known)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _checked_format(filepath, format):
    """Returns the format, by default that of the suffix, or raises if it cannot be written to `filepath`."""
    known = ", ".join(f'"{name}"' for name in _FORMATS)
    by_suffix = {ending: name for name, (ending, _) in _FORMATS.items()}.get(filepath.suffix)
    if format not in (*_FORMATS, None):
        raise ValueError(
            f"`format` must be {known}; gan.generator.export() writes Keras's other formats. "
            f"Received: format={format!r}"
        )
    if format is None and by_suffix is None:
        raise ValueError(
            "`filepath` must end in .onnx or .tflite, or have no suffix for a SavedModel, from which `format` is "
            f"inferred; or pass `format`: {known}. Received: filepath={str(filepath)!r}"
        )
    format = format or by_suffix
    ending, packages = _FORMATS[format]
    if format != (by_suffix or "tf_saved_model"):
        rule = f"end in {ending}" if ending else f"not end in {filepath.suffix}"
        raise ValueError(f"`filepath` must {rule} for {format}. Received: filepath={str(filepath)!r}")
    backend = keras.backend.backend()
    if backend not in packages:
        raise ValueError(
            f'`format`: "{format}" is not available on the backend {backend}, only on {" and ".join(packages)}. Save '
            "the model, load it in a process with KERAS_BACKEND=tensorflow in its environment, and export it there. "
            f"Received: format={format!r}"
        )
    package = packages[backend]
    if importlib.util.find_spec(package) is None:
        raise ImportError(
            f'`format`: "{format}" on the backend {backend} requires a missing package: pip install {package}. '
            f"Received: format={format!r}"
        )
    if not ending and filepath.exists() and not (filepath / "saved_model.pb").exists():
        raise ValueError(
            "`filepath` exists and is not a SavedModel, so it is not replaced: choose another path. "
            f"Received: filepath={str(filepath)!r}"
        )
    if ending and filepath.is_dir():
        raise ValueError(
            f"`filepath` must be a file for {format}, but is a folder: choose another path or delete it. "
            f"Received: filepath={str(filepath)!r}"
        )
    return format


def _in_float32(generator):
    """The generator, or a copy of it that computes in float32 if it was trained in mixed precision."""
    if all(layer.compute_dtype == "float32" for layer in generator._flatten_layers()):
        return generator

    def clone(layer):
        return type(layer).from_config(layer.get_config() | {"dtype": "float32"})

    copy = keras.models.clone_model(generator, clone_function=clone, recursive=True)
    copy.set_weights(generator.get_weights())
    return copy
