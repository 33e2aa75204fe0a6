"""Ranges, grids and files."""

import keras
import numpy as np
import pytest
from conftest import once
from PIL import Image

from keras_dcgan import images


@pytest.mark.parametrize("value_range", [(-1, 1), (0, 1), (-3, 7)])
def test_pixels_survive_the_way_to_floats_and_back(value_range):
    pixels = np.arange(256, dtype="uint8").reshape(1, 16, 16, 1)
    floats = keras.ops.convert_to_numpy(images.rescale(keras.ops.convert_to_tensor(pixels), value_range))
    low, high = value_range
    np.testing.assert_allclose(floats, low + pixels / 255 * (high - low), atol=1e-6)
    assert floats.dtype == "float32"
    np.testing.assert_array_equal(images.to_uint8(floats, value_range), pixels)


def test_floats_pass_as_they_are():
    floats = np.random.default_rng(0).uniform(-1, 1, (2, 3, 3, 1)).astype("float32")
    rescaled = images.rescale(keras.ops.convert_to_tensor(floats), (-1, 1))
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(rescaled), floats)


def test_values_outside_the_range_are_clipped():
    assert images.to_uint8(np.array([-1.5, -1, 0, 1, 1.5]), (-1, 1)).tolist() == [0, 0, 128, 255, 255]


@pytest.mark.parametrize(
    ("n", "columns", "size"), [(1, None, (7, 8)), (25, None, (27, 32)), (5, None, (17, 14)), (5, 5, (27, 8))]
)
def test_a_grid_is_near_square_unless_told(n, columns, size):
    sheet = images.grid(np.full((n, 4, 3, 1), 255, "uint8"), columns)
    assert sheet.size == size
    assert np.count_nonzero(np.asarray(sheet)) == n * 12
    assert sheet.mode == "L"


def test_a_grid_fills_row_by_row():
    pixels = np.arange(1, 7, dtype="uint8")[:, None, None, None]
    sheet = np.asarray(images.grid(pixels, 3, gap=0))
    assert sheet.tolist() == [[1, 2, 3], [4, 5, 6]]
    scaled = np.asarray(images.grid(pixels, 3, gap=0, scale=2))
    assert scaled[:2].tolist() == [[1, 1, 2, 2, 3, 3]] * 2


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (2, "LA"), (3, "RGB"), (4, "RGBA")])
def test_a_grid_has_the_mode_of_its_channels(channels, mode):
    pixels = np.random.default_rng(0).integers(0, 256, (1, 4, 4, channels), "uint8")
    sheet = images.grid(pixels, gap=0)
    assert sheet.mode == mode
    np.testing.assert_array_equal(np.asarray(sheet).reshape(4, 4, channels), pixels[0])


PIXELS = np.random.default_rng(0).integers(0, 256, (3, 4, 5, 3), "uint8")
FLOATS = PIXELS / 127.5 - 1


@pytest.mark.parametrize(
    "form",
    [
        keras.ops.convert_to_tensor,
        once(list),
        once(lambda pixels: [Image.fromarray(image) for image in pixels]),
        once(lambda pixels: (Image.fromarray(image) for image in pixels)),
        once(lambda pixels: [pixels[:1], pixels[1], Image.fromarray(pixels[2])]),
    ],
)
def test_images_come_in_any_form(tmp_path, form):
    np.testing.assert_array_equal(images.grid(form(PIXELS), 1, gap=0), PIXELS.reshape(12, 5, 3))
    images.save_animation(form(PIXELS), tmp_path / "a.webp")
    with Image.open(tmp_path / "a.webp") as file:
        frames = [file.seek(i) or np.asarray(file.convert("RGB")) for i in range(file.n_frames)]
    np.testing.assert_array_equal(np.stack(frames), PIXELS)


@pytest.mark.parametrize("dtype", ["float32", once("float64"), once("bfloat16")])
def test_floats_are_pixels_of_their_range(tmp_path, dtype):
    floats = keras.ops.convert_to_tensor(np.array([[[-1.0], [0.0]], [[1.0], [3.0]]]), dtype)
    expected = [[0, 128], [255, 255]]
    assert np.asarray(images.grid(floats, gap=0, value_range=(-1, 1))).tolist() == expected
    assert images.to_uint8(floats, (-1, 1)).tolist() == np.reshape(expected, (2, 2, 1)).tolist()
    images.save(floats, tmp_path / "a.png", value_range=(-1, 1))
    images.save_animation(floats, tmp_path / "a.gif", value_range=(-1, 1))
    for name in ("a.png", "a.gif"):
        with Image.open(tmp_path / name) as file:
            assert np.asarray(file.convert("L")).tolist() == expected


@pytest.mark.once
@pytest.mark.parametrize(
    "image", [PIXELS[0], PIXELS[0, ..., 0], PIXELS[:1], Image.fromarray(PIXELS[0]), Image.new("P", (5, 4))]
)
def test_a_single_image_is_a_grid_and_a_file(tmp_path, image):
    expected = np.asarray(image.convert("RGB") if isinstance(image, Image.Image) else image.squeeze())
    np.testing.assert_array_equal(images.grid(image, gap=0), expected)
    images.save(image, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as file:
        np.testing.assert_array_equal(file.convert("RGB" if expected.ndim == 3 else "L"), expected)


@pytest.mark.once
def test_pictures_of_several_modes_make_a_colour_grid():
    modes = {"L": 7, "RGB": (1, 2, 3), "RGBA": (9, 9, 9, 0)}
    sheet = images.grid([Image.new(mode, (1, 1), colour) for mode, colour in modes.items()], 3, gap=0)
    assert np.asarray(sheet).tolist() == [[[7, 7, 7], [1, 2, 3], [255, 255, 255]]]


@pytest.mark.once
def test_pixels_are_left_alone_whatever_the_range():
    np.testing.assert_array_equal(images.to_uint8(PIXELS, (-1, 1)), PIXELS)
    np.testing.assert_array_equal(images.grid(PIXELS[0], gap=0, value_range=(0, 1)), PIXELS[0])


REFUSED = {
    "floats": (FLOATS, {}, ValueError, "float images need `value_range`"),
    "floats in a list": (list(FLOATS), {}, ValueError, "float images need `value_range`"),
    "integers": (PIXELS.astype("int64"), {}, ValueError, "must be uint8.*dtype int64"),
    "booleans": (PIXELS > 0, {}, ValueError, "must be uint8.*dtype bool"),
    "channels": (PIXELS.repeat(2, -1), {}, ValueError, r"1 to 4 channels.*shape \(3, 4, 5, 6\)"),
    "no channels": (PIXELS[..., 0], {}, ValueError, r"images\[..., None\] adds the channel axis.*shape \(3, 4, 5\)"),
    "a row": (PIXELS[0, 0, :, 0], {}, ValueError, r"must have shape.*shape \(5,\)"),
    "no pixels": (PIXELS[:, :0], {}, ValueError, r"must have shape.*shape \(3, 0, 5, 3\)"),
    "none": (PIXELS[:0], {}, ValueError, "at least one image"),
    "an empty list": ([], {}, ValueError, "at least one image"),
    "sizes": ([PIXELS[0], PIXELS[1, 1:]], {}, ValueError, r"the same size.*\(5, 3\), \(5, 4\)"),
    "a path": ("a.png", {}, TypeError, "must be an array, a Pillow image"),
    "numbers": ([[1, 2], [3, 4]], {}, TypeError, "must be an array, a Pillow image"),
    "NaN": (FLOATS * np.nan, {"value_range": (-1, 1)}, ValueError, "NaN"),
    "range": (FLOATS, {"value_range": (1, -1)}, ValueError, r"`value_range` must be two numbers"),
}


@pytest.mark.once
@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("function", ["grid", "save", "save_animation"])
def test_refuses_what_are_no_images(tmp_path, function, case):
    value, options, error, message = REFUSED[case]
    arguments = () if function == "grid" else (tmp_path / "a.gif",)
    with pytest.raises(error, match=message) as caught:
        getattr(images, function)(value, *arguments, **options)
    name = {"grid": "images", "save": "image", "save_animation": "frames"}[function]
    assert case in ("NaN", "range") or f"`{name}`" in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.once
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"scale": 0}, ValueError, "`scale` must be a positive integer"),
        ({"scale": 1.5}, TypeError, "`scale` must be a positive integer"),
        ({"columns": 0}, ValueError, "`columns` must be a positive integer"),
        ({"gap": -1}, ValueError, "`gap` must be an integer of at least 0"),
        ({"gap": 0.5}, TypeError, "`gap` must be an integer of at least 0"),
    ],
)
def test_refuses_an_impossible_grid(options, error, message):
    with pytest.raises(error, match=message):
        images.grid(PIXELS, **options)


@pytest.mark.once
@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda path: images.save(PIXELS, path / "a.png"), "`image` must be one image.*3 images"),
        (lambda path: images.save(PIXELS[0], path / "a"), "`filepath` must end in the suffix of a format"),
        (lambda path: images.save(PIXELS[0], path / "a.txt"), "`filepath` must end in the suffix"),
        (lambda path: images.save_animation(PIXELS, path / "a.jpg"), "`filepath` must end in .gif"),
        (lambda path: images.save_animation(PIXELS, path / "a.gif", duration=0), "`duration` must be a pos"),
        (lambda path: images.save_animation(PIXELS, path / "a.gif", duration=15), "multiple of 10"),
    ],
)
def test_refuses_what_no_file_can_hold_before_it_writes(tmp_path, use, message):
    with pytest.raises(ValueError, match=message):
        use(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_replaced_file_has_usual_permissions(tmp_path):
    (tmp_path / "plain").write_text("")
    images.save(Image.new("L", (2, 2)), tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize(
    ("mode", "colour", "result"),
    [
        ("RGBA", (10, 20, 30, 255), (10, 20, 30)),
        ("RGBA", (10, 20, 30, 0), (255, 255, 255)),
        ("RGBA", (0, 0, 0, 51), (204, 204, 204)),
        ("LA", (0, 0), 255),
        ("L", 7, 7),
        ("RGB", (1, 2, 3), (1, 2, 3)),
        ("1", 1, 255),
    ],
)
def test_what_is_transparent_lies_on_white(mode, colour, result):
    assert images.flatten(Image.new(mode, (1, 1), colour)).getpixel((0, 0)) == result


def test_captions_stand_above_the_columns():
    pictures = np.full((4, 20, 20, 1), 7, "uint8")
    plain = np.asarray(images.grid(pictures, 2, scale=2))
    for captions in (["a", "b"], ["a very long name that is shortened", "b"]):
        captioned = np.asarray(images.grid(pictures, 2, scale=2, captions=captions))
        band = captioned[: len(captioned) - len(plain)]
        np.testing.assert_array_equal(captioned[len(band) :], plain)
        left, right = np.array_split(band, 2, axis=1)
        assert left.max() > 128
        assert right.max() > 128
        assert band[:, -2:].max() == 0  # nothing runs off the edge
    with pytest.raises(ValueError, match="`captions` must be 2 strings"):
        images.grid(pictures, 2, captions=["a"])
