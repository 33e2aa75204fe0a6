"""The Inception network of the Fréchet inception distance."""

import hashlib
import pathlib
import re
from typing import Any, Literal

import keras
from keras import layers, ops

_SIDE = 299


def inception(weights: str, output: Literal["features", "probabilities", "both"] = "features") -> keras.Model:
    """Builds the Inception network of 2015 with which FID, KID and the Inception score are defined.

    It differs from `keras.applications.InceptionV3` in its weights, its pooling layers and its resizing, so the
    features of the two are not comparable. Features of this model equal those of torch-fidelity and pytorch-fid.

    Args:
        weights: path or URL of a file of weights: `pt_inception-2015-12-05-6726825d.pth` of
            [pytorch-fid](https://github.com/mseitzer/pytorch-fid/releases) or its copy from
            [torch-fidelity](https://github.com/toshas/torch-fidelity/releases), for which PyTorch must be installed; or
            a `.weights.h5` file that `inception(…, "both").save_weights(…)` wrote, which needs no PyTorch. A checksum
            at the end of the file name, as in these names, is verified.
        output: "features" for the 2,048 pooled features, "probabilities" for the softmax of the 1,008 logits without
            their bias, which the Inception score uses, "both" for the list of both.

    Returns:
        `keras.Model` from pixels `(n, height, width, 3)` or `(n, height, width, 1)`, uint8 or float32 from 0 to 255, of
        any size, to float32 `(n, 2048)` or `(n, 1008)`. Images are resized to 299×299 as TensorFlow 1 did, bilinearly
        and without antialiasing.

    Raises:
        ValueError: the output is unknown, the checksum differs, or the file is not readable or has other weights.
        FileNotFoundError: the file does not exist.
        ImportError: a `.pth` file without PyTorch.

    Example:
        >>> extractor = keras_dcgan.metrics.inception("pt_inception-2015-12-05-6726825d.pth", "both")
        >>> extractor.save_weights("inception.weights.h5")  # for environments without PyTorch

    Reference:
        Szegedy et al., Rethinking the Inception Architecture for Computer Vision, 2016; Heusel et al., GANs Trained by
        a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium, 2017.
    """
    if output not in ("features", "probabilities", "both"):
        raise ValueError(f'`output` must be "features", "probabilities" or "both". Received: output={output!r}')
    images = keras.Input((None, None, None), name="images", dtype="float32")
    features = _features(_Preprocessing(name="preprocessing")(images))
    logits = layers.Dense(1008, use_bias=False, name="fc", dtype="float32")(features)
    whole = keras.Model(images, [features, layers.Softmax(name="probabilities", dtype="float32")(logits)])
    whole.trainable = False
    _load(whole, weights)
    outputs = whole.outputs if output == "both" else whole.outputs[output == "probabilities"]
    return keras.Model(images, outputs, name="inception")


@keras.saving.register_keras_serializable("keras_dcgan")
class _Preprocessing(layers.Layer):
    """Resizes images of one or three channels to 299×299 and scales them to about [-1, 1], in float32."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**(kwargs | {"dtype": "float32"}))

    def call(self, images):
        x = ops.cast(images, "float32")
        for axis in (1, 2):
            size = ops.shape(x)[axis]
            position = ops.arange(_SIDE, dtype="float32") * (ops.cast(size, "float32") / _SIDE)
            low = ops.cast(position, "int32")
            high = ops.minimum(low + 1, size - 1)
            part = ops.reshape(position - ops.cast(low, "float32"), (-1, 1, 1) if axis == 1 else (-1, 1))
            below, above = ops.take(x, low, axis), ops.take(x, high, axis)
            x = below + (above - below) * part
        return ops.broadcast_to((x - 128) / 128, (ops.shape(x)[0], _SIDE, _SIDE, 3))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], _SIDE, _SIDE, 3)


# in float32 and with channels last, whatever the policies of Keras say
_OPTIONS = {"data_format": "channels_last", "dtype": "float32"}


def _convolve(x, name, filters, kernel_size=1, strides=1, padding="same"):
    """Convolution, batch normalization and ReLU, named like the weights in the file."""
    x = layers.Conv2D(filters, kernel_size, strides, padding, use_bias=False, name=f"{name}_conv", **_OPTIONS)(x)
    x = layers.BatchNormalization(epsilon=1e-3, name=f"{name}_bn", dtype="float32")(x)
    return layers.ReLU(name=f"{name}_relu", dtype="float32")(x)


def _average(x):
    return layers.AveragePooling2D(3, 1, "same", **_OPTIONS)(x)  # of the pixels alone, without the padding


def _halve(x):
    return layers.MaxPooling2D(3, 2, "valid", **_OPTIONS)(x)


def _join(*branches):
    return layers.Concatenate(dtype="float32")(branches)


def _features(x):
    """The convolutional part, with the blocks A to E of the paper and their names in the file."""

    def chain(x, block, *steps):
        """Convolutions one after the other: name in the block, filters, and kernel, strides and padding."""
        for name, *arguments in steps:
            x = _convolve(x, f"{block}_{name}", *arguments)
        return x

    x = _convolve(x, "Conv2d_1a_3x3", 32, 3, 2, "valid")
    x = _convolve(x, "Conv2d_2a_3x3", 32, 3, 1, "valid")
    x = _halve(_convolve(x, "Conv2d_2b_3x3", 64, 3))
    x = _convolve(x, "Conv2d_3b_1x1", 80)
    x = _halve(_convolve(x, "Conv2d_4a_3x3", 192, 3, 1, "valid"))
    for block, pooled in (("Mixed_5b", 32), ("Mixed_5c", 64), ("Mixed_5d", 64)):
        x = _join(
            chain(x, block, ("branch1x1", 64)),
            chain(x, block, ("branch5x5_1", 48), ("branch5x5_2", 64, 5)),
            chain(x, block, ("branch3x3dbl_1", 64), ("branch3x3dbl_2", 96, 3), ("branch3x3dbl_3", 96, 3)),
            chain(_average(x), block, ("branch_pool", pooled)),
        )
    twice = ("branch3x3dbl_1", 64), ("branch3x3dbl_2", 96, 3), ("branch3x3dbl_3", 96, 3, 2, "valid")
    x = _join(
        chain(x, "Mixed_6a", ("branch3x3", 384, 3, 2, "valid")),
        chain(x, "Mixed_6a", *twice),
        _halve(x),
    )
    for block, n in (("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192)):
        once = ("branch7x7_1", n), ("branch7x7_2", n, (1, 7)), ("branch7x7_3", 192, (7, 1))
        shapes = zip("2345", (n, n, n, 192), ((7, 1), (1, 7)) * 2, strict=True)
        x = _join(
            chain(x, block, ("branch1x1", 192)),
            chain(x, block, *once),
            chain(x, block, ("branch7x7dbl_1", n), *((f"branch7x7dbl_{i}", *shape) for i, *shape in shapes)),
            chain(_average(x), block, ("branch_pool", 192)),
        )
    once = ("branch7x7x3_1", 192), ("branch7x7x3_2", 192, (1, 7)), ("branch7x7x3_3", 192, (7, 1))
    x = _join(
        chain(x, "Mixed_7a", ("branch3x3_1", 192), ("branch3x3_2", 320, 3, 2, "valid")),
        chain(x, "Mixed_7a", *once, ("branch7x7x3_4", 192, 3, 2, "valid")),
        _halve(x),
    )
    for block in ("Mixed_7b", "Mixed_7c"):
        single = chain(x, block, ("branch3x3_1", 384))
        double = chain(x, block, ("branch3x3dbl_1", 448), ("branch3x3dbl_2", 384, 3))
        # the second of these blocks takes the largest value where the first takes the average: the FID variant
        pooled = _average(x) if block == "Mixed_7b" else layers.MaxPooling2D(3, 1, "same", **_OPTIONS)(x)
        x = _join(
            chain(x, block, ("branch1x1", 320)),
            chain(single, block, ("branch3x3_2a", 384, (1, 3))),
            chain(single, block, ("branch3x3_2b", 384, (3, 1))),
            chain(double, block, ("branch3x3dbl_3a", 384, (1, 3))),
            chain(double, block, ("branch3x3dbl_3b", 384, (3, 1))),
            chain(pooled, block, ("branch_pool", 192)),
        )
    return layers.GlobalAveragePooling2D(name="features", **_OPTIONS)(x)


def _load(model, weights):
    """Loads a file of weights, of this model or of PyTorch."""
    path = pathlib.Path(keras.utils.get_file(origin=weights) if "://" in str(weights) else weights)
    if not path.is_file():
        raise FileNotFoundError(
            "`weights` does not exist: download pt_inception-2015-12-05-6726825d.pth from the releases of pytorch-fid. "
            f"Received: weights={str(weights)!r}"
        )
    checksum = re.search(r"-([0-9a-f]{8,})\.", path.name)
    with path.open("rb") as file:
        if checksum and not hashlib.file_digest(file, "sha256").hexdigest().startswith(checksum[1]):
            raise ValueError(
                "`weights`: the file is damaged: delete it and download it again. "
                f"Received: weights={str(path)!r}, whose checksum does not match its name"
            )
    if path.suffix == ".pth":
        model.set_weights(_from_torch(model, path))
    else:
        model.load_weights(path)


def _from_torch(model, path):
    """The weights of a PyTorch file, in the order of the model's."""
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            "A .pth file is read with PyTorch: pip install torch. Or pass a .weights.h5 file that "
            'inception(…, "both").save_weights(…) wrote where PyTorch is installed. '
            f"Received: weights={str(path)!r}"
        ) from error
    try:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of several types, for a file that is not PyTorch's
        raise ValueError(f"`weights` is not a readable PyTorch file. Received: weights={str(path)!r}") from error
    state = {name.replace(".", "_"): tensor.numpy() for name, tensor in tensors.items()}
    names = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
    arrays = []
    try:
        for weight in model.weights:
            layer, name = weight.path.split("/")[-2:]
            array = state[f"{layer}_{names.get(name, 'weight')}"]
            arrays.append(array.transpose((2, 3, 1, 0)) if array.ndim == 4 else array.T)
    except KeyError as error:
        raise ValueError(
            "`weights` must be the file pt_inception-2015-12-05-6726825d.pth of pytorch-fid or torch-fidelity. "
            f"Received: {str(path)!r}, without {error}"
        ) from error
    return arrays
