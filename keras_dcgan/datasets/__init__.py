"""Image sets: one that is embedded, Keras's, and your own."""

import io
import os
import pathlib
import time
import warnings
import zipfile
import zlib
from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
from PIL import Image

from keras_dcgan.datasets import folders
from keras_dcgan.datasets.folders import ImageFolder

_EMBEDDED = "fashion_mnist_10k"
_FASHION = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
CLASS_NAMES = {
    _EMBEDDED: _FASHION,
    "mnist": [*"0123456789"],
    "fashion_mnist": _FASHION,
    "cifar10": ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"],
}
# errors of zipfile and NumPy for a file that is damaged or states a wrong size
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
_LARGE = 1 << 26  # bytes that an array may expand to, however small its packed size

__all__ = ["ImageFolder", "load"]  # the rest is internal


class _ImagesAndLabels(NamedTuple):
    images: np.ndarray
    labels: np.ndarray | None


class ImageSet(_ImagesAndLabels):
    """The return value of `load`: unpacks as `(images, labels)`."""

    class_names: list[str] | None = None


def load(
    source: str | os.PathLike[str],
    split: folders.Split = "train",
    *,
    image_size: int | Sequence[int] | None = None,
    crop_to_aspect_ratio: bool = True,
    pad_to_aspect_ratio: bool = False,
    on_error: folders.OnError = "skip",
) -> ImageSet:
    """Loads images, and labels if there are any.

    A folder is read as by `keras.utils.image_dataset_from_directory`. Its subfolders are the classes, in the order of
    their names; the images are at any depth below them, or all in the folder itself, without labels. Every format that
    Pillow reads is an image, except drawings that need another program (EPS, WMF). Folders `train`, `test` and `val`
    (also `training`, `testing`, `valid` or `validation`, in upper or lower case) are splits, of which one is read. A
    folder has splits if it contains `train` and another of them, or if nothing else in it contains images.

    The images of a folder are shuffled with a fixed seed, so that the last ones, which `validation_split` uses, are of
    all classes. EXIF rotations are applied, transparent pixels become white, and 16 bits per channel become 8. One
    warning counts what was skipped: files that cannot be read or are no images, class folders without images, images
    beside the splits. Hidden files and notes such as `README.md` or `labels.csv` are not counted. `ImageFolder` reads
    folders that do not fit in memory.

    Args:
        source: "fashion_mnist_10k", the 10,000 test images of Fashion-MNIST, which come with this package; "mnist",
            "fashion_mnist" or "cifar10", which `keras.datasets` downloads; the path of a `.npz` file with the arrays
            `x_train`, `y_train`, `x_test`, `y_test` (labels are optional) and optionally `class_names`; or the path of
            a folder of images.
        split: "train", "test" or "validation".
        image_size: `(height, width)` of the result, or an int for both. `None` keeps the images as they are; those of a
            folder must then have the same size.
        crop_to_aspect_ratio: bool, whether to crop images around their center to the aspect ratio of `image_size`
            before they are resized (Lanczos). False distorts them.
        pad_to_aspect_ratio: bool, whether to add black bars instead of cropping.
        on_error: for images of a folder that cannot be read: "skip" leaves them out, "raise" stops at the first one.

    Returns:
        `(images, labels)`, a named tuple: uint8 `(n, height, width, channels)` and int32 `(n,)`, or None for images
        without labels. Its attribute `class_names` is the list of the class names, the i-th for the label i, or None.

    Raises:
        ValueError: an argument is invalid, the images have several sizes and `image_size` is missing, a `.npz` file is
            damaged, pickled, expands out of proportion or contains something else, a folder has no images or is
            ambiguous, or an image cannot be read (with `on_error="raise"`, or if no other is left) or has more than
            `PIL.Image.MAX_IMAGE_PIXELS` pixels.
        FileNotFoundError: the path does not exist.

    Example:
        >>> images, labels = keras_dcgan.datasets.load("fashion_mnist_10k")
        >>> images.shape, images.dtype, labels.shape
        ((10000, 28, 28, 1), dtype('uint8'), (10000,))
    """
    folders.check_options(split, on_error)
    fit = folders.fitting(image_size, crop_to_aspect_ratio, pad_to_aspect_ratio)
    path = pathlib.Path(source)
    if source in CLASS_NAMES:
        splits = ["train"] if source == _EMBEDDED else ["train", "test"]
        if split not in splits:
            raise ValueError(f'`split` must be one of {", ".join(splits)} for "{source}". Received: split={split!r}')
        if source == _EMBEDDED:
            images, labels, _ = _load_npz(pathlib.Path(__file__).with_name(f"{_EMBEDDED}.npz"), split, fit)
        else:
            x, y = getattr(keras.datasets, source).load_data()[splits.index(split)]
            images, labels = _standardize(x, y, source, fit)
        class_names = list(CLASS_NAMES[source])
    elif path.is_dir():
        images, labels, class_names = _load_folder(path, split, fit, on_error)
    elif path.suffix == ".npz":
        images, labels, class_names = _load_npz(path, split, fit)
    elif not path.exists() and (path.suffix or len(path.parts) > 1):
        raise FileNotFoundError(f"`source` does not exist. Received: source={str(source)!r}")
    else:
        known = ", ".join(f'"{name}"' for name in CLASS_NAMES)
        raise ValueError(
            f"`source` must be {known}, a .npz file or a folder of images. Received: source={str(source)!r}"
        )
    loaded = ImageSet(images, labels)
    loaded.class_names = class_names
    return loaded


def _load_npz(path, split, fit):
    if not path.exists():
        raise FileNotFoundError(f"`source` does not exist. Received: source={str(path)!r}")
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist()]
            if f"x_{split}" not in names:
                raise ValueError(f"it holds {', '.join(names) or 'nothing'}")
            images, labels, class_names = (
                _read_array(archive, name) if name in names else None
                for name in (f"x_{split}", f"y_{split}", "class_names")
            )
        if class_names is not None and (class_names.ndim != 1 or class_names.dtype.kind != "U"):
            raise ValueError(f"its class_names are {class_names.dtype} of shape {class_names.shape}, not strings (n,)")
    except _BROKEN as error:
        raise ValueError(
            f"`source` must be a complete .npz file without pickled objects, with uint8 images x_{split} and optional "
            f"labels y_{split}. Received: source={str(path)!r} ({error})"
        ) from error
    images, labels = _standardize(images, labels, path, fit)
    return images, labels, None if labels is None or class_names is None else class_names.tolist()


def _read_array(archive, name):
    """An array of a .npz file: read whole, so that its checksum counts."""
    member = archive.getinfo(f"{name}.npy")
    if member.file_size > _LARGE and member.file_size > 100 * member.compress_size:
        raise ValueError(f"{name} would grow from {member.compress_size} to {member.file_size} bytes")
    return np.load(io.BytesIO(archive.read(member)), allow_pickle=False)


def _standardize(images, labels, source, fit):
    """Images as uint8 `(n, height, width, channels)`, resized by `fit`, labels as int32 `(n,)`."""
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
                f"`source` must hold one integer label per image, {len(images)} of them. "
                f"Received: {labels.dtype} of shape {labels.shape} in {str(source)!r}"
            )
        labels = labels.astype("int32")
    if fit is not None:
        pictures = images.squeeze(3) if images.shape[3] == 1 else images
        images = np.stack([folders.as_array(fit(Image.fromarray(image))) for image in pictures])
    return images, labels


def _load_folder(folder, split, fit, on_error):
    files, labels, class_names, skipped = folders.find_images(folder, split)
    read = {}
    start, progress = time.monotonic(), None
    for i, path in enumerate(files):
        if time.monotonic() - start > 3:
            progress = progress or keras.utils.Progbar(len(files), unit_name="image")
            progress.update(i + 1)
        try:
            read[i] = folders.read_image(path, fit)
        except ValueError as error:
            if on_error == "raise":
                raise
            skipped["files that cannot be read"].append(f"{path}: {error.__cause__}")
    if not read:
        raise ValueError(
            f"`source` has no image that can be read. Received: {str(folder)!r} with {folders.describe(skipped)}"
        )
    if skipped:
        warnings.warn(f"Not all of {str(folder)!r} was read. {folders.describe(skipped)}", stacklevel=3)
    first, shape = next((files[i], array.shape) for i, array in read.items())
    for i, array in read.items():
        if array.shape[:2] != shape[:2]:
            raise ValueError(
                "`source` must be a folder of images of one size; pass image_size=(height, width) to crop and resize "
                f"others. Received: {first.name} of {shape[:2]}, {files[i].name} of {array.shape[:2]}"
            )
    chosen = np.random.default_rng(0).permutation(list(read))
    channels = max(array.shape[2] for array in read.values())
    images = np.stack([np.broadcast_to(read[i], (*shape[:2], channels)) for i in chosen])
    return images, None if labels is None else labels[chosen], class_names
