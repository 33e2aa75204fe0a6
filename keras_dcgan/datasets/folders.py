"""Folders of images: their files and classes, and batches of them that are read as they are needed."""

import collections
import functools
import hashlib
import os
import pathlib
import warnings
from collections.abc import Sequence
from typing import Any, Literal, get_args

import keras
import numpy as np
from PIL import Image, ImageOps

from keras_dcgan import backend, images as image_tools
from keras_dcgan.training import files, validation

Split = Literal["train", "test", "validation"]
OnError = Literal["skip", "raise"]
Fit = functools.partial[Image.Image]  # of a function of Pillow that resizes to `size`
_SPLITS = {"training": "train", "testing": "test", "val": "validation", "valid": "validation"}  # other names
_HIDDEN = (".", "__")  # beginnings of names of files that systems and editors create
# formats that Pillow only writes, only recognizes, or (EPS) has drawn by another program
_NO_PICTURES = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "PALM", "PDF", "WMF"}
# suffixes, or names without one, of files that often accompany images: no warning
_NOTES = {
    *(".csv", ".db", ".html", ".ini", ".ipynb", ".json", ".jsonl", ".log", ".md", ".py", ".rst", ".tsv", ".txt"),
    *(".xml", ".yaml", ".yml", "license", "readme"),
}


class ImageFolder(keras.utils.PyDataset):
    """Batches of a folder's images, for folders that do not fit in memory.

    Only the names of the files are kept in memory. Images are read as `load` reads those of a folder, when their batch
    is needed. An epoch contains each image at most once, in an order that depends on `seed` and the number of the
    epoch, which `fit` sets, also when it resumes. Only full batches are returned; the remaining images are skipped in
    that epoch. If several processes train one model, each reads its own shard of that order.

    Args:
        source: path of a folder of images, with or without class folders and splits, as for `load`.
        image_shape: `(height, width, channels)`, 1 channel for gray images, 3 for color.
        batch_size: int, images per batch and process.
        split: "train", "test" or "validation".
        labels: bool, True for batches of images and labels, for a conditional model.
        seed: int, for the order. `None` reads the files in the order of their names.
        crop_to_aspect_ratio, pad_to_aspect_ratio: bool, as in `load`.
        on_error: "skip" replaces an image that cannot be read by the next one in the order of the names, of the same
            class if there are labels, so that the batches keep their size and all other images their place, and warns
            once per file. "raise" stops training.
        cache: path of a folder, or None. The first epoch writes the resized images to a file there, one byte per pixel
            and channel; later epochs and runs read that file. Other options, or files that were added, removed or
            changed, start another file; delete old ones yourself.
        **kwargs: `workers`, `use_multiprocessing` and `max_queue_size`, as in `keras.utils.PyDataset`.

    Attributes:
        class_names: list of the class names, the i-th for the label i, or None without labels.

    Raises:
        ValueError: an argument is invalid, the folder has no images, or fewer than a batch; during training, an image
            cannot be read and `on_error="raise"`, or no other can take its place.
        FileNotFoundError: the path does not exist.

    Example:
        >>> images = keras_dcgan.datasets.ImageFolder("photos", (64, 64, 3), 64, workers=4)
        >>> gan.fit(images, epochs=10)
    """

    def __init__(
        self,
        source: str | os.PathLike[str],
        image_shape: Sequence[int],
        batch_size: int,
        split: Split = "train",
        *,
        labels: bool = False,
        seed: int | None = 0,
        crop_to_aspect_ratio: bool = True,
        pad_to_aspect_ratio: bool = False,
        on_error: OnError = "skip",
        cache: str | os.PathLike[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if len(image_shape) != 3 or image_shape[2] not in (1, 3):
            raise ValueError(
                "`image_shape` must be (height, width, channels), with 1 or 3 channels. "
                f"Received: image_shape={image_shape!r}"
            )
        validation.check_count("batch_size", batch_size)
        check_options(split, on_error)
        self._fit = fitting(tuple(image_shape[:2]), crop_to_aspect_ratio, pad_to_aspect_ratio)
        self.files, classes, class_names, skipped = find_images(source, split)
        if labels and classes is None:
            raise ValueError(f"`source` has no folders of classes: leave `labels` out. Received: {str(source)!r}")
        if skipped:
            warnings.warn(f"Not all of {str(source)!r} was read. {describe(skipped)}", stacklevel=2)
        self.classes, self.class_names = (classes, class_names) if labels else (None, None)
        self.image_shape = tuple(image_shape)
        self.batch_size = batch_size
        self.seed = seed
        self.on_error = on_error
        self._broken: dict[int, ValueError] = {}
        options = (tuple(image_shape), crop_to_aspect_ratio, pad_to_aspect_ratio)
        self._cache = None if cache is None else _make_cache(pathlib.Path(cache), self.files, options)
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
        """The number of batches per epoch."""
        return self.num_samples // self.batch_size

    def __getitem__(self, index: int) -> tuple[np.ndarray] | tuple[np.ndarray, np.ndarray]:
        """A batch.

        Args:
            index: int, its number in the epoch.

        Returns:
            `(images,)` or `(images, labels)`: uint8 `(batch_size, *image_shape)` and int32 `(batch_size,)`.
        """
        chosen = self._order[index * self.batch_size : (index + 1) * self.batch_size]
        images = np.stack([self._read(int(i)) for i in chosen])
        return (images,) if self.classes is None else (images, self.classes[chosen])

    def _read(self, i):
        """The i-th image, or the next one (of its class) that can be read, whatever was read before."""
        n = len(self.files)
        for j in (k % n for k in range(i, i + n)):
            if j in self._broken or (self.classes is not None and self.classes[j] != self.classes[i]):
                continue
            try:
                return self._read_file(j)
            except ValueError as error:
                if self.on_error == "raise":
                    raise
                if self._broken.setdefault(j, error) is error:  # no other thread was first
                    warnings.warn(f"Another image takes the place of an unreadable one. {error}", stacklevel=2)
        raise ValueError(f"`source` has no image left to take the place of an unreadable one. {self._broken[i]}")

    def _read_file(self, i):
        """The i-th image, from the cache if it is there."""
        record = None if self._cache is None else _open_cache(self._cache)[i]
        if record is not None and record["complete"]:
            return record["image"]
        image = read_image(self.files[i], self._fit, self.image_shape[2])
        if record is not None:
            record["image"] = image
            record["complete"] = True
        return image


def _make_cache(folder, paths, options):
    """Creates the file of an empty cache, unless there is one for the same files and options. Returns its path."""
    files.make_folder("cache", folder)
    states = [(os.path.realpath(path), os.path.exists(path) and os.path.getmtime(path)) for path in paths]
    cache = folder / f"{hashlib.sha256(repr((states, options)).encode()).hexdigest()[:16]}.npy"
    if not cache.exists():
        with files.replacing(cache) as temporary:
            record = [("complete", "?"), ("image", "uint8", options[0])]
            np.lib.format.open_memmap(temporary, "w+", record, (len(paths),)).flush()
            if hasattr(os, "posix_fallocate"):  # a full disk is an error here; under a memory map it ends the process
                with temporary.open("r+b") as file:
                    os.posix_fallocate(file.fileno(), 0, temporary.stat().st_size)
    return cache


@functools.lru_cache
def _open_cache(path):
    """The records of a cache, mapped into memory; opened by each process, because pickling would copy them."""
    return np.load(path, mmap_mode="r+")


def check_options(split: str, on_error: str) -> None:
    """Raises ValueError unless `split` and `on_error` have known values."""
    for name, value, known in (("split", split, get_args(Split)), ("on_error", on_error, get_args(OnError))):
        if value not in known:
            raise ValueError(f"`{name}` must be one of {', '.join(known)}. Received: {name}={value!r}")


def find_images(
    source: str | os.PathLike[str], split: Split
) -> tuple[list[pathlib.Path], np.ndarray | None, list[str] | None, dict[str, list[str]]]:
    """Finds the image files of a folder, and their classes.

    Args:
        source: path of a folder.
        split: "train", "test" or "validation".

    Returns:
        `(paths, classes, class_names, skipped)`: a list; int32 `(n,)` and a list, or None twice for images that lie in
        no folder of a class; for each reason to skip something a list of names, for `describe`.

    Raises:
        FileNotFoundError: a path that does not exist.
        ValueError: no folder, no images, no such split, or a folder that can be understood in two ways.
    """
    folder = pathlib.Path(source)
    if not folder.exists():
        raise FileNotFoundError(f"`source` does not exist. Received: source={str(source)!r}")
    if not folder.is_dir():
        raise ValueError(f"`source` must be a folder of images. Received: source={str(source)!r}, a file")
    skipped: dict[str, list[str]] = collections.defaultdict(list)
    folder = _folder_of_split(folder, split, skipped)
    names, loose = next(_walk(folder, skipped), ([], []))
    by_class = {name: [path for _, paths in _walk(folder / name, skipped) for path in paths] for name in names}
    found = {name: paths for name, paths in by_class.items() if paths}
    if not found and not loose:
        raise ValueError(
            "`source` has no images in it or in its folders. "
            f"Received: source={str(folder)!r}. Skipped: {describe(skipped) or 'nothing'}"
        )
    if found and loose:
        raise ValueError(
            "`source` must have images either in it or in folders of their class, not both. "
            f"Received: {loose[0].name} beside folders in {str(folder)!r}"
        )
    if loose:
        return loose, None, None, skipped
    if empty := [name for name in names if name not in found]:
        skipped["class folders without images"] = empty
    classes = np.repeat(np.arange(len(found), dtype="int32"), [len(paths) for paths in found.values()])
    return [path for paths in found.values() for path in paths], classes, list(found), skipped


def _folder_of_split(folder, split, skipped):
    """The folder of a split; the folder itself if it has no splits, which is all train.

    It has splits if one is called train and another one test or val, or if nothing else in it holds images.
    """
    splits: dict[str, list[str]] = collections.defaultdict(list)
    unused: dict[str, list[str]] = collections.defaultdict(list)
    names, loose = next(_walk(folder, unused), ([], []))
    for name in names:
        if (of_split := _SPLITS.get(name.lower(), name.lower())) in get_args(Split):
            splits[of_split].append(name)
    named = [name for same in splits.values() for name in same]
    others = [n for n in names if named and n not in named and any(paths for _, paths in _walk(folder / n, unused))]
    received = f"Received: source={str(folder)!r}, split={split!r}, folders of splits: {', '.join(named)}"
    if others and [*splits] == ["train"]:
        # car, plane and train are classes if all hold images themselves; but train and masks?
        if len(others) == 1 or not next(_walk(folder / splits["train"][0], unused), ([], []))[1]:
            raise ValueError(
                "`source` has a folder train beside others with images, but none for test or validation. Pass the path "
                f"of train if it is a split, or give it another name if it is a class. {received}"
            )
        splits.clear()
    if not splits or (others and "train" not in splits):
        if split != "train":
            raise ValueError(
                '`source` has no folders of splits (train, and test or val): pass split="train" to read all of it. '
                f"{received}"
            )
        return folder
    if any(len(same) > 1 for same in splits.values()):
        raise ValueError(f"`source` must have one folder per split: rename or remove the others. {received}")
    if split not in splits:
        raise ValueError(f"`source` has no folder {split}. {received}")
    if beside := [*others, *(path.name for path in loose)]:
        skipped["beside the splits"] = beside
    return folder / splits[split][0]


def _walk(folder, skipped):
    """Yields the names of folders and the paths of images in a folder, then in each one below it, in order."""
    seen = {os.path.realpath(above) for above in pathlib.Path(os.path.abspath(folder)).parents}
    for top, folders, names in os.walk(
        folder, onerror=lambda error: skipped["folders that cannot be opened"].append(error.filename), followlinks=True
    ):
        if (real := os.path.realpath(top)) in seen:  # a link to a folder above, or to one that was read
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith(_HIDDEN))
        images = []
        for name in sorted(name for name in names if not name.startswith(_HIDDEN)):
            ending = (os.path.splitext(name)[1] or name).lower()
            if Image.registered_extensions().get(ending, "PDF") not in _NO_PICTURES:
                images.append(pathlib.Path(top, name))
            elif ending not in _NOTES:
                skipped["files of other formats"].append(ending)
        yield folders, images


def describe(skipped: dict[str, list[str]]) -> str:
    """Says how much was skipped for each reason, with a few examples."""
    kinds = {reason: list(dict.fromkeys(names)) for reason, names in skipped.items()}
    return "; ".join(
        f"{reason}: {len(skipped[reason])} ({', '.join(some[:3])}{', …' * (len(some) > 3)})"
        for reason, some in kinds.items()
    )


def read_image(path: str | os.PathLike[str], fit: Fit | None = None, channels: int | None = None) -> np.ndarray:
    """Reads an image file, rotated as its EXIF data says, with transparent pixels on white.

    Args:
        path: path.
        fit: function that resizes a `PIL.Image.Image`, see `fitting`, or None.
        channels: 1 for gray, 3 for color, None for those of the file.

    Returns:
        uint8 `(height, width, 1 or 3)`.

    Raises:
        ValueError: the file is not a complete image.
    """
    try:
        with image_tools.opened(path) as file:
            if fit is not None:  # JPEG files are decoded at a smaller scale, at least twice the final size
                side = 2 * max(fit.keywords["size"])
                file.draft(None, (side, side))
            file.load()
            image = image_tools.flatten(ImageOps.exif_transpose(file))
    except (ValueError, FileNotFoundError) as error:  # or a link that leads nowhere
        raise ValueError(f"An image cannot be read: remove or replace it. Received: {str(path)!r} ({error})") from error
    if channels is not None:
        image = image.convert("L" if channels == 1 else "RGB")
    return as_array(image if fit is None else fit(image))


def fitting(
    image_size: int | Sequence[int] | None, crop_to_aspect_ratio: bool = True, pad_to_aspect_ratio: bool = False
) -> Fit | None:
    """Returns a function that resizes a `PIL.Image.Image`, see `load`; None if `image_size` is None."""
    if image_size is None:
        return None
    sides = tuple(image_size) if isinstance(image_size, tuple | list) else (image_size, image_size)
    if len(sides) != 2:
        raise ValueError(
            f"`image_size` must be (height, width), or an integer for both. Received: image_size={image_size!r}"
        )
    height, width = (validation.check_count("image_size", side) for side in sides)
    size, filtering = (width, height), Image.Resampling.LANCZOS
    if pad_to_aspect_ratio:
        return functools.partial(ImageOps.pad, size=size, method=filtering)
    if crop_to_aspect_ratio:
        return functools.partial(ImageOps.fit, size=size, method=filtering)
    return functools.partial(Image.Image.resize, size=size, resample=filtering)


def as_array(image: Image.Image) -> np.ndarray:
    """A `PIL.Image.Image` of mode L or RGB as uint8 `(height, width, 1 or 3)`."""
    array = np.asarray(image)
    return array[..., None] if array.ndim == 2 else array
