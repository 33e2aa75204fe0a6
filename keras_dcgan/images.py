"""Images: value ranges, grids and animations."""

import contextlib
import os
import pathlib
import threading
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw, ImageFont

from keras_dcgan.training import files, validation

__all__ = ["grid", "save", "save_animation", "to_uint8"]  # the rest is internal

_OPENING = threading.Lock()  # all threads share the warning filters
ANIMATIONS = (".gif", ".webp", ".png", ".apng")
_Images = ArrayLike | Image.Image | Iterable[ArrayLike | Image.Image]


def check_value_range(value_range: Sequence[float]) -> tuple[float, float]:
    """Returns `value_range` as a tuple of two floats.

    Raises:
        ValueError: it is not `(low, high)` with `low < high`.
    """
    try:
        low, high = (float(v) for v in value_range)
    except (TypeError, ValueError):
        low = high = 0.0
    if not (np.isfinite([low, high]).all() and low < high):
        raise ValueError(
            "`value_range` must be two numbers (low, high) with low < high, such as (-1, 1). "
            f"Received: value_range={value_range!r}"
        )
    return low, high


def rescale(images: Any, value_range: Sequence[float]) -> Any:
    """Converts a batch to float32 in `value_range`, on the device.

    Args:
        images: tensor. uint8 is rescaled from 0 to 255; floats must already lie in `value_range`.
        value_range: `(low, high)`.

    Returns:
        float32 tensor of the same shape.
    """
    low, high = value_range
    is_uint8 = keras.backend.standardize_dtype(images.dtype) == "uint8"
    images = keras.ops.cast(images, "float32")
    return images / (255 / (high - low)) + low if is_uint8 else images


def _as_pixels(name, images, value_range):
    """Returns an array as uint8, see `to_uint8`."""
    images = validation.as_numpy(images)
    if images.dtype == "uint8":
        return images
    if "float" not in images.dtype.name:
        raise ValueError(
            f"`{name}` must be uint8 (0 to 255), or float with `value_range`; images.astype('uint8') converts integers "
            f"from 0 to 255. Received: {name} of dtype {images.dtype}"
        )
    if value_range is None:
        raise ValueError(
            f"`{name}`: float images need `value_range`, the values of black and white, such as value_range=(-1, 1); "
            f"generate() returns uint8 images, which need none. Received: {name} of dtype {images.dtype}"
        )
    low, high = check_value_range(value_range)
    scaled = (np.asarray(images, "float32") - low) * (255 / (high - low))
    if np.isnan(scaled).any():
        raise ValueError(
            f"`{name}` must not contain NaN. If a generator produced it, its training has diverged: resume from an "
            "earlier checkpoint with a smaller learning rate, and use keras.callbacks.TerminateOnNaN(). "
            f"Received: {name} with NaN"
        )
    return np.clip(np.rint(scaled), 0, 255).astype("uint8")


def to_uint8(images: ArrayLike, value_range: Sequence[float]) -> np.ndarray:
    """Converts a generator's images to uint8 pixels.

    Args:
        images: float array or tensor in `value_range`. uint8 is returned unchanged.
        value_range: `(low, high)`.

    Returns:
        uint8 NumPy array of the same shape; values outside the range are clipped.

    Raises:
        ValueError: the images contain NaN or have another dtype.
    """
    return _as_pixels("images", images, value_range)


def as_pictures(name: str, images: Any, value_range: Sequence[float] | None = None) -> list[Image.Image]:
    """Converts images in any accepted form to Pillow images of the same size."""
    if isinstance(images, Image.Image):
        return [images]
    if validation.is_array(images):
        pixels = _as_pixels(name, images, value_range)
        if pixels.ndim == 2:
            pixels = pixels[..., None]
        if pixels.ndim not in (3, 4) or pixels.shape[-1] > 4 or 0 in pixels.shape[-3:]:
            raise ValueError(
                f"`{name}` must have shape (n, height, width, channels) or (height, width, channels), with 1 to 4 "
                f"channels; images[..., None] adds the channel axis. Received: {name} of shape {pixels.shape}"
            )
        batch = pixels.reshape(-1, *pixels.shape[-3:])
        pictures = [Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image) for image in batch]
    elif isinstance(images, Iterable) and not isinstance(images, str):
        pictures = [picture for image in images for picture in as_pictures(name, image, value_range)]
    else:
        raise TypeError(f"`{name}` must be an array, a Pillow image, or a list of these. Received: {name}={images!r}")
    if not pictures:
        raise ValueError(f"`{name}` must hold at least one image. Received: no images")
    sizes = {picture.size for picture in pictures}
    if len(sizes) > 1:
        raise ValueError(
            f"`{name}` must have the same size: resize them. Received: images of (width, height) "
            f"{', '.join(map(str, sorted(sizes)))}"
        )
    return pictures


def grid(
    images: _Images,
    columns: int | None = None,
    *,
    gap: int = 2,
    scale: int = 1,
    captions: Sequence[str] | None = None,
    title: str | None = None,
    value_range: Sequence[float] | None = None,
) -> Image.Image:
    """Lays images out in a grid, row by row.

    Args:
        images: array or tensor `(n, height, width, channels)`, uint8, or float with `value_range`; 1 to 4 channels. Or
            a single image `(height, width, channels)` or `(height, width)`, a Pillow image, or a list of these.
        columns: int, number of columns. `None` makes the grid nearly square.
        gap: int, pixels between images and around them.
        scale: int, factor by which the images are enlarged, without smoothing.
        captions: list of strings, one per column, such as the names of the classes. Long ones are shortened.
        title: str, written above the grid.
        value_range: `(low, high)`, the range of float images, which are clipped to it.

    Returns:
        `PIL.Image.Image`, black between the images; mode L, LA, RGB or RGBA for 1, 2, 3 or 4 channels. Pillow images of
        several modes, or of another one, become RGB.

    Raises:
        ValueError, TypeError: an argument is invalid, the images differ in size, or float images lack `value_range`.
    """
    pictures = as_pictures("images", images, value_range)
    columns = int(np.ceil(np.sqrt(len(pictures)))) if columns is None else validation.check_count("columns", columns)
    validation.check_count("scale", scale)
    validation.check_count("gap", gap, smallest=0)
    modes = {picture.mode for picture in pictures}
    if len(modes) > 1 or not modes <= {"L", "LA", "RGB", "RGBA"}:
        pictures = [flatten(picture).convert("RGB") for picture in pictures]
    width, height = (side + gap for side in pictures[0].size)
    rows = -(-len(pictures) // columns)
    sheet = Image.new(pictures[0].mode, (columns * width + gap, rows * height + gap))
    for i, picture in enumerate(pictures):
        sheet.paste(picture, (gap + i % columns * width, gap + i // columns * height))
    sheet = sheet.resize((scale * sheet.width, scale * sheet.height), Image.Resampling.NEAREST)
    if captions is not None:
        captions = list(captions)
        if len(captions) != columns or not all(isinstance(caption, str) for caption in captions):
            raise ValueError(f"`captions` must be {columns} strings, one per column. Received: captions={captions!r}")
        sheet = _with_text(sheet, captions)
    return sheet if title is None else _with_text(sheet, [title])


def _with_text(sheet, texts):
    """The sheet with a row of texts above it, one per column, in the largest font size that fits all."""
    width = sheet.width / len(texts)
    for size in range(16, 7, -1):
        font = ImageFont.load_default(size)
        if max(map(font.getlength, texts)) < width:
            break
    captioned = Image.new(sheet.mode, (sheet.width, sheet.height + 2 * size))
    captioned.paste(sheet, (0, 2 * size))
    draw = ImageDraw.Draw(captioned)
    for i, text in enumerate(texts):
        shown = text
        while font.getlength(shown) >= width and len(text) > 1:
            text = text[:-1]
            shown = f"{text}…"
        draw.text(((i + 0.5) * width, size), shown, "white", font, anchor="mm")
    return captioned


@contextlib.contextmanager
def opened(filepath: str | os.PathLike[str]) -> Iterator[Image.Image]:
    """Opens an image file.

    Args:
        filepath: path.

    Yields:
        `PIL.Image.Image`, its pixels not yet read.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: here or in the body: the file is not a complete image, or it has more pixels than
            `PIL.Image.MAX_IMAGE_PIXELS`.
    """
    try:
        with _OPENING, warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            file = Image.open(filepath)
        with file:
            yield file
    except FileNotFoundError:
        raise
    except Exception as error:  # Pillow's readers raise errors of any type
        raise ValueError(f"not a readable image: {error}") from error


def save(image: _Images, filepath: str | os.PathLike[str], *, value_range: Sequence[float] | None = None) -> None:
    """Saves an image. An error leaves no incomplete file.

    Args:
        image: array or tensor `(height, width, channels)`, uint8, or float with `value_range`; or a Pillow image.
        filepath: path. Its suffix determines the format.
        value_range: `(low, high)`, the range of a float image.

    Raises:
        ValueError, TypeError: an argument is invalid, such as several images or an unknown suffix.
    """
    pictures = as_pictures("image", image, value_range)
    if len(pictures) > 1:
        raise ValueError(f"`image` must be one image; images.grid() combines several. Received: {len(pictures)} images")
    if Image.registered_extensions().get(pathlib.Path(filepath).suffix.lower()) not in Image.SAVE:
        raise ValueError(
            "`filepath` must end in the suffix of a format that Pillow writes, such as .png, .jpg or .webp. "
            f"Received: filepath={str(filepath)!r}"
        )
    with files.replacing(filepath) as temporary:
        pictures[0].save(temporary)


def save_animation(
    frames: _Images,
    filepath: str | os.PathLike[str],
    *,
    duration: int = 200,
    value_range: Sequence[float] | None = None,
) -> None:
    """Saves frames as an animation that loops. An error leaves no incomplete file.

    Args:
        frames: array or tensor `(n, height, width, channels)`, uint8, or float with `value_range`; or a list of Pillow
            images or arrays of the same size.
        filepath: path that ends in .gif, .webp, .png or .apng.
        duration: int, milliseconds per frame, a multiple of 10.
        value_range: `(low, high)`, the range of float frames.

    Raises:
        ValueError, TypeError: an argument is invalid, the frames differ in size, or float frames lack `value_range`.
    """
    first, *more = as_pictures("frames", frames, value_range)
    ending = pathlib.Path(filepath).suffix.lower()
    if ending not in ANIMATIONS:
        raise ValueError(
            f"`filepath` must end in {', '.join(ANIMATIONS)}, the formats for animations. "
            f"Received: filepath={str(filepath)!r}"
        )
    check_duration(duration)
    options: dict[str, Any] = {"lossless": True} if ending == ".webp" else {}
    with files.replacing(filepath) as temporary:
        first.save(temporary, save_all=True, append_images=more, duration=duration, loop=0, **options)


def check_duration(duration: int) -> None:
    """Raises ValueError unless `duration` is a valid duration of GIF frames, in milliseconds."""
    if validation.check_count("duration", duration) % 10:
        raise ValueError(
            f"`duration` must be a multiple of 10 milliseconds, the unit of GIF. Received: duration={duration}"
        )


def flatten(image: Image.Image) -> Image.Image:
    """Converts an image to gray or RGB, with transparent pixels on white.

    Args:
        image: `PIL.Image.Image` of any mode.

    Returns:
        `PIL.Image.Image` of mode L or RGB.

    Raises:
        ValueError: the range of the pixels is unknown: floats, or integers of more than 16 bits.
    """
    transparent = image.info.get("transparency")
    if image.mode == "F" or image.mode.startswith("I"):
        pixels = np.asarray(image)
        low, high = pixels.min(), pixels.max()
        if image.mode == "F" or low < 0 or high > 65535:
            raise ValueError(
                "the range of its pixels is unknown: save it with 8 or 16 bits per channel. "
                f"Received: an image of mode {image.mode} with values from {low} to {high}"
            )
        scaled = np.rint(pixels / 257).astype("uint8")  # Pillow would clip at 255
        scaled[pixels == transparent] = 255
        return Image.fromarray(scaled)
    if isinstance(transparent, tuple) and max(transparent) > 255:  # Pillow reads the upper byte of each channel
        image.info["transparency"] = tuple(value >> 8 for value in transparent)
    gray = image.mode in ("1", "L", "LA")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("L" if gray else "RGB")
