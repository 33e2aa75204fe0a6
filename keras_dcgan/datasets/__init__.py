"""Image sets: one that is embedded, Keras's, and your own."""

import io
import os
import pathlib
import zipfile
import zlib
from collections.abc import Sequence
from typing import Literal

import keras
import numpy as np
from PIL import Image

from keras_dcgan.datasets.folders import ImageFolder, as_array, find_images, fit_image, read_image
from keras_dcgan.training import validation

_KERAS = {
    "mnist": keras.datasets.mnist,
    "fashion_mnist": keras.datasets.fashion_mnist,
    "cifar10": keras.datasets.cifar10,
}
_EMBEDDED = "fashion_mnist_10k"
# what zipfile and NumPy raise of a file that is damaged or lies about its size
_BROKEN = (
    ValueError,
    OSError,
    EOFError,
    KeyError,
    MemoryError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    TypeError,
    zipfile.BadZipFile,
    zlib.error,
)
_LARGE = 1 << 26  # bytes that an array may grow to, whatever little it is packed in

__all__ = ["ImageFolder", "load"]


def load(
    source: str | os.PathLike[str],
    split: Literal["train", "test"] = "train",
    *,
    image_size: Sequence[int] | None = None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Loads images, and labels if there are any.

    Args:
        source: "fashion_mnist_10k", the 10,000 test images of Fashion-MNIST, which come with this package; "mnist",
            "fashion_mnist" or "cifar10", which `keras.datasets` downloads; the path of a `.npz` file with the arrays
            `x_train`, `y_train`, `x_test`, `y_test` (labels may be missing); or the path of a folder of images. A
            folder's subfolders are classes, in alphabetical order; folders `train` and `test` are splits. Photographs
            are turned as their camera says (EXIF), what is transparent is laid on white.
        split: "train" or "test".
        image_size: `(height, width)` to bring every image to: cropped around its centre to that shape, then resized
            (Lanczos). None for images as they are; those of a folder must then be of one size.

    Returns:
        `(images, labels)`: uint8 `(n, height, width, channels)` and int32 `(n,)`, or None for images without labels.

    Raises:
        ValueError: an unknown source or split, an impossible `image_size`, images of several sizes without it, or a
            file that is damaged, pickled, grows out of proportion when it is unpacked, or holds something else; an
            image of more than `PIL.Image.MAX_IMAGE_PIXELS`.
        FileNotFoundError: a path that does not exist.

    `ImageFolder` reads folders that do not fit in memory.

    Example:
        >>> images, labels = keras_dcgan.datasets.load("fashion_mnist_10k")
        >>> images.shape, images.dtype, labels.shape
        ((10000, 28, 28, 1), dtype('uint8'), (10000,))
    """
    if split not in ("train", "test"):
        raise ValueError(f'`split` must be "train" or "test". Received: split={split!r}')
    if image_size is not None:
        _check_image_size(image_size)
    if source == _EMBEDDED:
        if split == "test":
            raise ValueError(f'"{_EMBEDDED}" has only the split "train". Received: split="test"')
        return _load_npz(pathlib.Path(__file__).with_name(f"{_EMBEDDED}.npz"), split, image_size)
    if source in _KERAS:
        (x_train, y_train), (x_test, y_test) = _KERAS[source].load_data()
        return _standardize(*((x_train, y_train) if split == "train" else (x_test, y_test)), source, image_size)
    path = pathlib.Path(source)
    if path.is_dir():
        return _load_folder(path, split, image_size)
    if path.suffix == ".npz":
        return _load_npz(path, split, image_size)
    known = ", ".join(f'"{name}"' for name in (_EMBEDDED, *_KERAS))
    if not path.exists() and (path.suffix or len(path.parts) > 1):
        raise FileNotFoundError(f"`source` does not exist. Received: source={str(source)!r}")
    raise ValueError(f"`source` must be {known}, a .npz file or a folder of images. Received: source={str(source)!r}")


def _check_image_size(image_size):
    if not isinstance(image_size, tuple | list) or len(image_size) != 2:
        raise ValueError(f"`image_size` must be (height, width). Received: image_size={image_size!r}")
    for name, value in zip(("image_size[0]", "image_size[1]"), image_size, strict=True):
        validation.check_count(name, value)


def _load_npz(path, split, image_size):
    if not path.exists():
        raise FileNotFoundError(f"`source` does not exist. Received: source={str(path)!r}")
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist()]
            if f"x_{split}" not in names:
                raise ValueError(f"it holds {', '.join(names) or 'nothing'}")
            images = _read_array(archive, f"x_{split}")
            labels = _read_array(archive, f"y_{split}") if f"y_{split}" in names else None
    except _BROKEN as error:
        raise ValueError(
            f"`source` must be a whole .npz file, not pickled, with uint8 images x_{split} and labels y_{split}. "
            f"Received: source={str(path)!r} ({error})"
        ) from error
    return _standardize(images, labels, path, image_size)


def _read_array(archive, name):
    """An array of a .npz file: read whole, so that its checksum counts."""
    member = archive.getinfo(f"{name}.npy")
    if member.file_size > _LARGE and member.file_size > 100 * member.compress_size:
        raise ValueError(f"{name} would grow from {member.compress_size} to {member.file_size} bytes")
    return np.load(io.BytesIO(archive.read(member)), allow_pickle=False)


def _standardize(images, labels, source, image_size):
    """Images as uint8 `(n, height, width, channels)`, of another size if wanted, labels as int32 `(n,)`."""
    images = images[..., None] if images.ndim == 3 else images
    if images.dtype != np.uint8 or images.ndim != 4:
        raise ValueError(
            "`source` must hold uint8 images of shape (n, height, width) or (n, height, width, channels). "
            f"Received: {images.dtype} of shape {images.shape} in {str(source)!r}"
        )
    if labels is not None:
        labels = labels.squeeze(1) if labels.ndim == 2 and labels.shape[1] == 1 else labels
        if labels.shape != (len(images),) or labels.dtype.kind not in "iu":
            raise ValueError(
                f"`source` must hold one integer label an image, {len(images)} of them. "
                f"Received: {labels.dtype} of shape {labels.shape} in {str(source)!r}"
            )
        labels = labels.astype("int32")
    if image_size is not None and images.shape[1:3] != tuple(image_size):
        pictures = images.squeeze(3) if images.shape[3] == 1 else images
        images = np.stack([as_array(fit_image(Image.fromarray(image), image_size)) for image in pictures])
    return images, labels


def _load_folder(folder, split, image_size):
    files, labels = find_images(folder, split)
    arrays = [read_image(path, image_size) for path in files]
    if any(array.shape[2] == 3 for array in arrays):
        arrays = [array.repeat(3, axis=2) if array.shape[2] == 1 else array for array in arrays]
    for path, array in zip(files, arrays, strict=True):
        if array.shape != arrays[0].shape:
            raise ValueError(
                "`source` must be a folder of images of one size; pass image_size=(height, width) to crop and resize "
                f"others. Received: {files[0].name} of {arrays[0].shape[:2]}, {path.name} of {array.shape[:2]}"
            )
    return np.stack(arrays), labels
