"""Images: value ranges, grids and animations."""

import contextlib
import os
import pathlib
import threading
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from keras_dcgan.training import files

__all__ = ["grid", "save", "save_animation", "to_uint8"]  # the rest serves the package

_OPENING = threading.Lock()  # filters of warnings are those of all threads
ANIMATIONS = (".gif", ".webp", ".png", ".apng")


def check_value_range(value_range: Sequence[float]) -> tuple[float, float]:
    """Gives `value_range` as a tuple of two floats.

    Raises:
        ValueError: unless it is `(low, high)` with low below high.
    """
    try:
        low, high = (float(v) for v in value_range)
    except (TypeError, ValueError):
        low = high = 0.0
    if not (np.isfinite([low, high]).all() and low < high):
        raise ValueError(
            "`value_range` must be (low, high), two numbers, low below high, such as (-1, 1). "
            f"Received: value_range={value_range!r}"
        )
    return low, high


def rescale(images: Any, value_range: Sequence[float]) -> Any:
    """Brings a batch to float32 in `value_range`, on the device.

    Args:
        images: tensor; uint8 is rescaled from 0 to 255, float is taken to lie in `value_range` already.
        value_range: `(low, high)`.

    Returns:
        float32 tensor of the same shape.
    """
    low, high = value_range
    is_uint8 = keras.backend.standardize_dtype(images.dtype) == "uint8"
    images = keras.ops.cast(images, "float32")
    return images / (255 / (high - low)) + low if is_uint8 else images


def to_uint8(images: ArrayLike, value_range: Sequence[float]) -> np.ndarray:
    """Turns a generator's images into pixels.

    Args:
        images: float array in `value_range`.
        value_range: `(low, high)`.

    Returns:
        uint8 NumPy array of the same shape; values outside the range are clipped.

    Raises:
        ValueError: NaN.
    """
    low, high = value_range
    scaled = (np.asarray(images, "float32") - low) * (255 / (high - low))
    if np.isnan(scaled).any():
        raise ValueError(
            "The generator makes NaN: its training has diverged. Go on from an earlier checkpoint with a smaller "
            "learning rate; keras.callbacks.TerminateOnNaN() stops in time. Received: images with NaN in them"
        )
    return np.clip(np.rint(scaled), 0, 255).astype("uint8")


def grid(images: np.ndarray, columns: int | None = None, *, gap: int = 2, scale: int = 1) -> Image.Image:
    """Lays images out in a grid, row by row.

    Args:
        images: `(n, height, width, channels)` uint8, 1 to 4 channels.
        columns: int, None for a near-square grid.
        gap: int, pixels between images and around them.
        scale: int, how many pixels of the grid an image's pixel takes in each direction.

    Returns:
        `PIL.Image.Image`, black between the images; mode L, LA, RGB or RGBA for 1, 2, 3 or 4 channels.
    """
    n, height, width, channels = images.shape
    columns = columns or int(np.ceil(np.sqrt(n)))
    rows = -(-n // columns)
    sheet = np.zeros((rows * (height + gap) + gap, columns * (width + gap) + gap, channels), "uint8")
    for i, image in enumerate(images):
        top, left = gap + i // columns * (height + gap), gap + i % columns * (width + gap)
        sheet[top : top + height, left : left + width] = image
    sheet = sheet.repeat(scale, axis=0).repeat(scale, axis=1)
    return Image.fromarray(
        sheet.squeeze(2) if channels == 1 else sheet, {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[channels]
    )


@contextlib.contextmanager
def opened(filepath: str | os.PathLike[str]) -> Iterator[Image.Image]:
    """Opens an image file.

    Args:
        filepath: path.

    Yields:
        `PIL.Image.Image`, its pixels not yet read.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: here or in the body: no whole image, or one of more than `PIL.Image.MAX_IMAGE_PIXELS`.
    """
    try:
        with _OPENING, warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            file = Image.open(filepath)
        with file:
            yield file
    except FileNotFoundError:
        raise
    except Exception as error:  # Pillow's readers raise whatever befalls them
        raise ValueError(f"no readable image: {error}") from error


def save(image: Image.Image, filepath: str | os.PathLike[str]) -> None:
    """Writes an image file, whole or not at all.

    Args:
        image: `PIL.Image.Image`.
        filepath: path, its ending tells the format.
    """
    with files.replacing(filepath) as temporary:
        image.save(temporary)


def as_frame(image: Image.Image, filepath: str | os.PathLike[str]) -> Image.Image:
    """An image as `save_animation` writes it: for GIF a coloured one in 256 colours of its own.

    An image of 256 colours or fewer keeps them. Otherwise they are chosen with an octree, in about a tenth of the time
    that a median cut takes and hardly worse. Who writes an image again with every new frame still chooses them once.

    Args:
        image: `PIL.Image.Image`.
        filepath: path of the animation.

    Returns:
        `PIL.Image.Image`, of mode P instead of RGB for GIF.
    """
    if image.mode == "RGB" and pathlib.Path(filepath).suffix.lower() == ".gif":
        exact = image.getcolors(256) is not None
        return image.quantize(256, method=Image.Quantize.MEDIANCUT if exact else Image.Quantize.FASTOCTREE)
    return image


def save_animation(frames: Sequence[Image.Image], filepath: str | os.PathLike[str], *, duration: int) -> None:
    """Writes frames as an endless animation, whole or not at all.

    Args:
        frames: list of `PIL.Image.Image` of one size.
        filepath: path that ends in .gif, .webp, .png or .apng.
        duration: int, milliseconds a frame.
    """
    first, *more = frames
    options: dict[str, Any] = {"lossless": True} if pathlib.Path(filepath).suffix.lower() == ".webp" else {}
    with files.replacing(filepath) as temporary:
        first.save(temporary, save_all=True, append_images=more, duration=duration, loop=0, **options)


def load_animation(filepath: str | os.PathLike[str], count: int, *, duration: int) -> list[Image.Image]:
    """Reads an animation's first frames.

    Equal frames that follow each other are stored as one that is shown for longer, or, if all are equal, as a picture
    that does not move; they are given back one by one.

    Args:
        filepath: path of a file that `save_animation` wrote.
        count: int, how many frames are wanted at the most.
        duration: int, the milliseconds a frame it was written with.

    Returns:
        List of `PIL.Image.Image`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: no whole animation, or frames that are shown for another time.
    """
    frames: list[Image.Image] = []
    times: list[float] = []
    with opened(filepath) as file:
        n = getattr(file, "n_frames", 1)
        for i in range(n):
            if len(frames) >= count:
                break
            file.seek(i)
            file.load()
            shown = file.info.get("duration") or (duration if n > 1 else count * duration)
            times.append(shown / duration)
            frames += [file.copy()] * round(times[-1])
    if any(abs(t - round(t)) > 0.01 for t in times) or (n > 1 and round(min(times)) != 1):
        raise ValueError(f"its frames are not shown for {duration} ms")
    return frames[:count]


def flatten(image: Image.Image) -> Image.Image:
    """An image in grey or colour, what is transparent laid on white.

    Args:
        image: `PIL.Image.Image` of any mode.

    Returns:
        `PIL.Image.Image` of mode L or RGB.

    Raises:
        ValueError: pixels of an unknown range: floats, or integers of more than 16 bits.
    """
    transparent = image.info.get("transparency")
    if image.mode == "F" or image.mode.startswith("I"):
        pixels = np.asarray(image)
        low, high = pixels.min(), pixels.max()
        if image.mode == "F" or low < 0 or high > 65535:
            raise ValueError(
                "the range of its pixels is unknown: save it with 8 or 16 bits a channel. "
                f"Received: an image of mode {image.mode} with values from {low} to {high}"
            )
        scaled = np.rint(pixels / 257).astype("uint8")  # Pillow would clip at 255
        scaled[pixels == transparent] = 255
        return Image.fromarray(scaled)
    if isinstance(transparent, tuple) and max(transparent) > 255:  # Pillow read the upper byte of each channel
        image.info["transparency"] = tuple(value >> 8 for value in transparent)
    grey = image.mode in ("1", "L", "LA")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("L" if grey else "RGB")
