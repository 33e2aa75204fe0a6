"""Folders of images: their files and classes, and batches of them that are read as they are needed."""

import os
import pathlib
from collections.abc import Sequence
from typing import Any, Literal

import keras
import numpy as np
from PIL import Image, ImageOps

from keras_dcgan import backend
from keras_dcgan import images as image_tools
from keras_dcgan.training import validation

_IMAGE_FILES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"}


class ImageFolder(keras.utils.PyDataset):
    """Batches of a folder's images, for folders that do not fit in memory: only the names of the files are kept.

    Images are read as `load` reads those of a folder, when their batch comes: cropped around their centre to the shape
    of `image_shape` and resized (Lanczos), what is transparent laid on white. An epoch is all of them once, in an order
    that follows from `seed` and the epoch's number (`fit` tells it, also when a training is resumed), in whole batches:
    what remains is left out. Of several processes that train one model each reads its own part of that order.

    Args:
        source: path of a folder of images; its subfolders are classes, in alphabetical order, and folders `train` and
            `test` are splits.
        image_shape: `(height, width, channels)`, 1 channel for grey images, 3 for colours.
        batch_size: int, images of a batch; of several processes, of each one's.
        split: "train" or "test".
        labels: bool, True for batches of images and labels, for a conditional model.
        seed: int, for the order; None for that of the files' names.
        **kwargs: `workers`, `use_multiprocessing` and `max_queue_size`, as of `keras.utils.PyDataset`.

    Raises:
        ValueError: arguments that break these rules, a folder without images, or fewer than a batch; while training,
            an image that cannot be read.
        FileNotFoundError: a path that does not exist.

    Example:
        >>> images = keras_dcgan.datasets.ImageFolder("photos", (64, 64, 3), 64, workers=4)
        >>> gan.fit(images, epochs=10)
    """

    def __init__(
        self,
        source: str | os.PathLike[str],
        image_shape: Sequence[int],
        batch_size: int,
        split: Literal["train", "test"] = "train",
        *,
        labels: bool = False,
        seed: int | None = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if len(image_shape) != 3 or image_shape[2] not in (1, 3):
            raise ValueError(
                "`image_shape` must be (height, width, channels), 1 channel or 3. "
                f"Received: image_shape={image_shape!r}"
            )
        validation.check_count("batch_size", batch_size)
        if not pathlib.Path(source).exists():
            raise FileNotFoundError(f"`source` does not exist. Received: source={str(source)!r}")
        self.files, classes = find_images(source, split)
        if labels and classes is None:
            raise ValueError(f"`source` has no folders of classes: leave `labels` out. Received: {str(source)!r}")
        self.classes = classes if labels else None
        self.image_shape = tuple(image_shape)
        self.batch_size = batch_size
        self.seed = seed
        self.num_samples = len(self.files) // backend.num_processes()  # of this process
        if self.num_samples < batch_size:
            raise ValueError(
                f"`batch_size` must be at most the number of images. Received: batch_size={batch_size} and "
                f"{self.num_samples} images"
            )
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Sets the order of an epoch, counted from 0; `fit` calls it when the epoch begins."""
        n = len(self.files)
        seed = validation.check_seed(self.seed, optional=True)
        order = np.arange(n) if seed is None else np.random.default_rng((seed, epoch)).permutation(n)
        self._order = order[backend.process_id() :: backend.num_processes()][: self.num_samples]

    def __len__(self) -> int:
        """Batches of an epoch."""
        return self.num_samples // self.batch_size

    def __getitem__(self, index: int) -> tuple[np.ndarray] | tuple[np.ndarray, np.ndarray]:
        """A batch.

        Args:
            index: int, its number in the epoch.

        Returns:
            `(images,)` or `(images, labels)`: uint8 `(batch_size, *image_shape)` and int32 `(batch_size,)`.
        """
        chosen = self._order[index * self.batch_size : (index + 1) * self.batch_size]
        *size, channels = self.image_shape
        images = np.stack([read_image(self.files[i], size, channels) for i in chosen])
        return (images,) if self.classes is None else (images, self.classes[chosen])


def find_images(
    source: str | os.PathLike[str], split: Literal["train", "test"]
) -> tuple[list[pathlib.Path], np.ndarray | None]:
    """Image files of a folder, and their classes.

    Args:
        source: path of a folder.
        split: "train" or "test".

    Returns:
        `(paths, classes)`: a list, and int32 `(n,)` or None for images that lie in no folder of a class.

    Raises:
        ValueError: no images, no such split, or images both in the folder and in folders of their class.
    """
    folder = pathlib.Path(source)
    names = {path.name for path in _visible(folder) if path.is_dir()}
    if names and names <= {"train", "test"}:
        if split not in names:
            raise ValueError(f"`source` has no folder {split}. Received: source={str(folder)!r}, split={split!r}")
        folder = folder / split
    elif split == "test":
        raise ValueError(f"`source` has no folders train and test, so that it is all train. Received: {str(folder)!r}")
    by_class = [files for path in _visible(folder) if path.is_dir() and (files := _image_files(path))]
    files = [path for paths in by_class for path in paths]
    loose = _image_files(folder)
    if not files and not loose:
        raise ValueError(f"`source` has no images in it or in its folders. Received: source={str(folder)!r}")
    if files and loose:
        raise ValueError(
            "`source` must have images either in it or in folders of their class, not both. "
            f"Received: {loose[0].name} beside folders in {str(folder)!r}"
        )
    if loose:
        return loose, None
    return files, np.repeat(np.arange(len(by_class), dtype="int32"), [len(paths) for paths in by_class])


def _visible(folder):
    """What lies in a folder, without what systems and editors hide there."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith((".", "__")))


def _image_files(folder):
    return [path for path in _visible(folder) if path.suffix.lower() in _IMAGE_FILES]


def read_image(
    path: str | os.PathLike[str], image_size: Sequence[int] | None = None, channels: int | None = None
) -> np.ndarray:
    """Reads an image file, turned as its camera says, what is transparent laid on white.

    Args:
        path: path.
        image_size: `(height, width)` to crop and resize to, or None.
        channels: 1 for grey, 3 for colours, None for what the file has.

    Returns:
        uint8 `(height, width, 1 or 3)`.

    Raises:
        ValueError: no whole image.
    """
    try:
        with image_tools.opened(path) as file:
            file.load()
            image = image_tools.flatten(ImageOps.exif_transpose(file))
    except ValueError as error:
        raise ValueError(f"An image cannot be read: remove or replace it. Received: {str(path)!r} ({error})") from error
    if channels is not None:
        image = image.convert("L" if channels == 1 else "RGB")
    return as_array(image if image_size is None else fit_image(image, image_size))


def fit_image(image: Image.Image, image_size: Sequence[int]) -> Image.Image:
    """A `PIL.Image.Image` cropped around its centre and resized to `(height, width)`."""
    height, width = image_size
    return ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)


def as_array(image: Image.Image) -> np.ndarray:
    """A `PIL.Image.Image` of mode L or RGB as uint8 `(height, width, 1 or 3)`."""
    array = np.asarray(image)
    return array[..., None] if array.ndim == 2 else array
