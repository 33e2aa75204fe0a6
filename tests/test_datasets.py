"""Loading images from every source."""

import io
import os
import pathlib
import pickle
import struct
import time
import zipfile
import zlib

import keras
import numpy as np
import pytest
from conftest import damaged
from PIL import ExifTags, Image

from keras_dcgan import datasets

pytestmark = pytest.mark.once

DATA = os.environ.get("KERAS_DCGAN_DATA")


def test_the_embedded_set():
    loaded = datasets.load("fashion_mnist_10k")
    images, labels = loaded
    assert images.shape == (10_000, 28, 28, 1)
    assert images.dtype == "uint8"
    assert labels.dtype == "int32"
    assert np.bincount(labels).tolist() == [1000] * 10
    assert images.max() == 255
    # the test set's mean pixel and first labels, as its authors published it: ankle boot, pullover, trouser, trouser
    assert images.mean() == pytest.approx(73.1, abs=0.1)
    assert labels[:4].tolist() == [9, 2, 1, 1]
    assert [loaded.class_names[i] for i in labels[:4]] == ["Ankle boot", "Pullover", "Trouser", "Trouser"]
    assert len(loaded.class_names) == 10


def test_the_embedded_set_is_small_and_has_its_licence():
    folder = pathlib.Path(datasets.__file__).parent
    assert (folder / "fashion_mnist_10k.npz").stat().st_size < 5_000_000
    assert "MIT License" in (folder / "LICENSE.fashion_mnist").read_text()


def test_the_embedded_set_is_fashion_mnists_test_set():
    if not DATA:
        pytest.skip("KERAS_DCGAN_DATA names no folder with fashion_mnist.npz")
    images, labels = datasets.load("fashion_mnist_10k")
    theirs, their_labels = datasets.load(pathlib.Path(DATA) / "fashion_mnist.npz", "test")
    np.testing.assert_array_equal(images, theirs)
    np.testing.assert_array_equal(labels, their_labels)


@pytest.mark.parametrize(
    ("name", "shape"), [("mnist", (6, 28, 28)), ("fashion_mnist", (6, 28, 28)), ("cifar10", (6, 32, 32, 3))]
)
@pytest.mark.parametrize("split", ["train", "test"])
def test_keras_sets(monkeypatch, name, shape, split):
    arrays = {
        s: (np.full(shape, i, "uint8"), np.arange(6, dtype="uint8")[:, None] if name == "cifar10" else np.arange(6))
        for i, s in enumerate(("train", "test"))
    }
    monkeypatch.setattr(getattr(keras.datasets, name), "load_data", lambda: (arrays["train"], arrays["test"]))
    loaded = datasets.load(name, split)
    images, labels = loaded
    assert images.shape == (shape if len(shape) == 4 else (*shape, 1))
    assert (images == ["train", "test"].index(split)).all()
    assert labels.dtype == "int32"
    assert labels.tolist() == list(range(6))
    assert len(loaded.class_names) == len(set(loaded.class_names)) == 10
    assert loaded.class_names[5] == {"mnist": "5", "fashion_mnist": "Sandal", "cifar10": "dog"}[name]


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    return {
        "x_train": rng.integers(0, 256, (5, 4, 3), "uint8"),
        "y_train": np.arange(5, dtype="uint8"),
        "x_test": rng.integers(0, 256, (2, 4, 3, 3), "uint8"),
        "y_test": np.array([[1], [0]], "int64"),
    }


def test_npz(tmp_path, arrays):
    np.savez(tmp_path / "a.npz", **arrays)
    images, labels = datasets.load(tmp_path / "a.npz")
    np.testing.assert_array_equal(images, arrays["x_train"][..., None])
    assert labels.tolist() == [0, 1, 2, 3, 4]
    images, labels = datasets.load(str(tmp_path / "a.npz"), "test")
    np.testing.assert_array_equal(images, arrays["x_test"])
    assert labels.tolist() == [1, 0]
    assert labels.dtype == "int32"


def test_npz_without_labels(tmp_path, arrays):
    np.savez(tmp_path / "a.npz", x_train=arrays["x_train"])
    images, labels = datasets.load(tmp_path / "a.npz")
    assert images.shape == (5, 4, 3, 1)
    assert labels is None


def test_npz_with_class_names(tmp_path, arrays):
    np.savez(tmp_path / "a.npz", **arrays)
    assert datasets.load(tmp_path / "a.npz").class_names is None
    np.savez(tmp_path / "a.npz", **arrays, class_names=[*"abcdé"])
    assert datasets.load(tmp_path / "a.npz").class_names == ["a", "b", "c", "d", "é"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x_train": np.zeros((5, 4, 3))}, "uint8 images"),
        ({"x_train": np.zeros((5, 4), "uint8")}, "uint8 images"),
        ({"y_train": np.zeros(5)}, "one integer label per image"),
        ({"y_train": np.zeros(4, "uint8")}, "one integer label per image"),
        ({"y_train": np.zeros((5, 2), "uint8")}, "one integer label per image"),
        ({"x_train": np.array([{}, []], dtype=object)}, "without pickled objects"),
        ({"class_names": np.arange(5)}, r"class_names are int64 of shape \(5,\), not strings"),
    ],
)
def test_npz_that_holds_something_else(tmp_path, arrays, change, message):
    np.savez(tmp_path / "a.npz", **(arrays | change))
    with pytest.raises(ValueError, match=message):
        datasets.load(tmp_path / "a.npz")


def test_npz_with_other_names(tmp_path, arrays):
    np.savez(tmp_path / "a.npz", images=arrays["x_train"])
    with pytest.raises(ValueError, match="it holds images"):
        datasets.load(tmp_path / "a.npz")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.99])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_truncated_npz(tmp_path, arrays, share, save):
    save(tmp_path / "a.npz", **arrays)
    whole = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match="must be a complete .npz file"):
        datasets.load(tmp_path / "a.npz")


def test_damaged_npz(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", x_train=np.random.default_rng(0).integers(0, 256, (50, 8, 8), "uint8"))
    data = bytearray((tmp_path / "a.npz").read_bytes())
    data[1000:1100] = bytes(100)
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(ValueError, match="must be a complete .npz file"):
        datasets.load(tmp_path / "a.npz")


def test_pickle_is_not_loaded(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harm"),)

    (tmp_path / "a.npz").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ValueError, match="must be a complete .npz file without pickled objects"):
        datasets.load(tmp_path / "a.npz")
    assert not (tmp_path / "harm").exists()


def picture(path, colour, mode="RGB", size=(4, 3)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)


def tree(folder, *names):
    """Folders, for names that end in "/", and files; the i-th, if it is called .png, is a grey image of the value i."""
    for i, name in enumerate(names):
        path = folder / name
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if path.suffix == ".png":
            picture(path, i, "L")
        elif not name.endswith("/"):
            path.write_bytes(b"no image")


def values(images):
    """The first pixel of each image, sorted: those of a folder come shuffled."""
    return sorted(images[:, 0, 0, 0].tolist())


def test_a_folder_of_class_folders(tmp_path):
    picture(tmp_path / "dog" / "b.png", (4, 5, 6))
    picture(tmp_path / "cat" / "a.png", (1, 2, 3))
    picture(tmp_path / "dog" / "a.png", 9, "L")
    (tmp_path / "dog" / "notes.txt").write_text("no image")
    images, labels = datasets.load(tmp_path)
    assert images.shape == (3, 3, 4, 3)
    pairs = sorted(zip(labels.tolist(), images[:, 0, 0].tolist(), strict=True))
    assert pairs == [(0, [1, 2, 3]), (1, [4, 5, 6]), (1, [9, 9, 9])]
    with pytest.raises(ValueError, match="to read all of it"):
        datasets.load(tmp_path, "test")


def test_a_folder_without_classes(tmp_path):
    picture(tmp_path / "b.png", 2, "L")
    picture(tmp_path / "a.JPG", 1, "L")
    loaded = datasets.load(str(tmp_path))
    assert loaded.images.shape == (2, 3, 4, 1)
    assert values(loaded.images) == [1, 2]
    assert loaded.labels is None
    assert loaded.class_names is None


def test_images_lie_at_any_depth_below_their_class(tmp_path):
    names = ("a/0.png", "a/more/1.png", "a/more/still/2.png", "b/2024/3.png", "c d/ü.png", "c d/文/5.png")
    tree(tmp_path, *names)
    images, labels = datasets.load(tmp_path)
    assert dict(zip(images[:, 0, 0, 0].tolist(), labels.tolist(), strict=True)) == {0: 0, 1: 0, 2: 0, 3: 1, 4: 2, 5: 2}
    assert datasets.load(tmp_path).class_names == ["a", "b", "c d"]


@pytest.mark.parametrize("ending", ["ppm", "jfif", "JPE", "tga", "pcx", "sgi", "jp2", "dib", "ico", "apng", "webp"])
def test_every_format_that_pillow_reads(tmp_path, ending):
    Image.new("RGB", (16, 16), (255, 255, 255)).save(tmp_path / f"a.{ending}")
    assert (datasets.load(tmp_path)[0] == 255).all()


@pytest.mark.parametrize("ending", ["pdf", "eps", "mpg", "h5"])
def test_formats_that_are_no_pictures(tmp_path, ending):
    tree(tmp_path, "0.png", f"1.{ending}")
    with pytest.warns(UserWarning, match=rf"was read. files of other formats: 1 \(.{ending}\)"):
        assert len(datasets.load(tmp_path).images) == 1


def test_the_images_of_a_folder_are_shuffled_alike_each_time(tmp_path):
    tree(tmp_path, *(f"{'ab'[i // 20]}/{i:02d}.png" for i in range(40)))
    images, labels = datasets.load(tmp_path)
    assert values(images) == list(range(40))
    np.testing.assert_array_equal(labels, images[:, 0, 0, 0] // 20)
    assert set(labels[-8:]) == {0, 1}  # what validation_split=0.2 takes
    np.testing.assert_array_equal(images, datasets.load(tmp_path).images)


@pytest.mark.parametrize(
    ("names", "split", "read"),
    [
        (("train/a/0.png", "test/a/1.png", "test/b/2.png"), "train", [0]),
        (("train/a/0.png", "test/a/1.png", "test/b/2.png"), "test", [1, 2]),
        (("Train/0.png", "TEST/1.png", "Val/2.png"), "train", [0]),
        (("Train/0.png", "TEST/1.png", "Val/2.png"), "test", [1]),
        (("train/0.png", "val/1.png"), "validation", [1]),
        (("train/0.png", "valid/1.png"), "validation", [1]),
        (("train/0.png", "VALIDATION/1.png"), "validation", [1]),
        (("training/0.png", "testing/1.png"), "test", [1]),
        (("train/0.png", "test/1.png", "annotations/0.xml", "labels.csv"), "train", [0]),
        (("train/a/0.png", "annotations/0.xml", "labels.csv"), "train", [0]),
        (("test/0.png",), "test", [0]),
        (("car/0.png", "plane/1.png", "train/2.png"), "train", [0, 1, 2]),  # classes
        (("control/0.png", "test/1.png"), "train", [0, 1]),
    ],
)
def test_splits(tmp_path, names, split, read):
    tree(tmp_path, *names)
    assert values(datasets.load(tmp_path, split).images) == read


@pytest.mark.parametrize(
    ("names", "split", "message"),
    [
        (("train/0.png", "val/1.png", "valid/2.png"), "train", "one folder per split.*: train, val, valid"),
        (("train/0.png", "training/1.png", "test/1.png"), "test", "one folder per split"),
        (("train/0.png", "masks/1.png"), "train", "folder train beside others with images"),
        (("train/cat/0.png", "masks/1.png", "depth/2.png"), "train", "folder train beside others with images"),
        (("train/0.png", "val/1.png"), "test", "no folder test.*: train, val"),
        (("train/a/0.png",), "test", "no folder test"),
        (("a/0.png", "b/1.png"), "validation", "to read all of it"),
        (("0.png", "cat/1.png"), "train", "not both"),
        (("a/0.heic", "b/"), "train", r"no images in it.*Skipped: files of other formats: 1 \(.heic\)"),
        ((), "train", "no images in it.*Skipped: nothing"),
    ],
)
def test_folders_that_cannot_be_read(tmp_path, names, split, message):
    tree(tmp_path, *names)
    with pytest.raises(ValueError, match=message):
        datasets.load(tmp_path, split)


def test_what_is_usually_found_beside_images_is_no_class_and_no_cause_for_a_warning(tmp_path):
    tree(
        tmp_path,
        *("cat/0.png", "cat/Thumbs.db", "cat/.DS_Store", "cat/._0.png", "cat/0.txt", "dog/5.png", "dog/README"),
        *(".ipynb_checkpoints/7.png", "__MACOSX/cat/8.png", "README.md", "LICENSE", "labels.csv", "desktop.ini"),
    )
    loaded = datasets.load(tmp_path)
    assert values(loaded.images) == [0, 5]
    assert loaded.class_names == ["cat", "dog"]


def test_one_warning_counts_what_was_left_out(tmp_path):
    tree(tmp_path, "a/0.png", "a/1.heic", "b/", "c/x/3.png", "c/4.HEIC", "c/5.mp4", "d/", "e/6.jpg", "e/7.png")
    with pytest.warns(UserWarning, match="Not all of") as caught:
        loaded = datasets.load(tmp_path)
    assert values(loaded.images) == [0, 3, 8]
    assert loaded.class_names == ["a", "c", "e"]
    (message,) = [str(warning.message) for warning in caught]
    assert message.startswith(
        f"Not all of {str(tmp_path)!r} was read. files of other formats: 3 (.heic, .mp4); "
        "class folders without images: 2 (b, d); files that cannot be read: 1 "
        f"({tmp_path / 'e' / '6.jpg'}: not a readable image"
    )
    assert caught[0].filename == __file__


def test_images_beside_the_splits_are_counted(tmp_path):
    tree(tmp_path, "train/0.png", "test/1.png", "cats/2.png", "3.png", "annotations/4.xml")
    with pytest.warns(UserWarning, match=r"beside the splits: 2 \(cats, 3.png\)$"):
        assert values(datasets.load(tmp_path).images) == [0]


def test_links_are_followed_once(tmp_path):
    tree(tmp_path, "elsewhere/0.png", "photos/a/1.png", "photos/a/more/2.png", "far/3.png")
    photos = tmp_path / "photos"
    (photos / "b").symlink_to(tmp_path / "elsewhere")
    (photos / "a" / "far").symlink_to(tmp_path / "far")
    (photos / "a" / "again").symlink_to(photos / "a")
    (photos / "a" / "up").symlink_to(tmp_path)
    (photos / "a" / "twice").symlink_to(photos / "a" / "more")
    (tmp_path / "link").symlink_to(photos)
    for source in (photos, tmp_path / "link", tmp_path / "elsewhere" / ".." / "photos"):
        images, labels = datasets.load(source)
        assert dict(zip(images[:, 0, 0, 0].tolist(), labels.tolist(), strict=True)) == {0: 1, 1: 0, 2: 0, 3: 0}
        assert len(images) == 4


def test_a_link_that_leads_nowhere_is_a_file_that_cannot_be_read(tmp_path):
    tree(tmp_path, "0.png")
    (tmp_path / "1.png").symlink_to(tmp_path / "gone.png")
    with pytest.warns(UserWarning, match=r"files that cannot be read: 1 \(.*1\.png"):
        assert values(datasets.load(tmp_path).images) == [0]
    with pytest.raises(ValueError, match=r"An image cannot be read.*1\.png"):
        datasets.load(tmp_path, on_error="raise")


def png(pixels, transparent=None):
    """A PNG file of 16 bits a channel: grey, or, of an array of three axes, in color."""
    height, width, *channels = pixels.shape
    chunks = {b"IHDR": struct.pack(">IIBBBBB", width, height, 16, 2 if channels else 0, 0, 0, 0)}
    if transparent is not None:
        chunks[b"tRNS"] = np.array(transparent, ">u2").tobytes()
    chunks[b"IDAT"] = zlib.compress(b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels))
    chunks[b"IEND"] = b""
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks.items()
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def saved(image, format, **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def in_palette(mode="RGB", colours=(10, 20, 30, 1, 2, 3)):
    image = Image.new("P", (2, 1))
    image.putpalette(colours, mode)
    image.putpixel((1, 0), 1)
    return image


GREY16 = np.array([[0, 257, 32768, 65535]], "uint16")  # 32768 / 257 = 127.5019


@pytest.mark.parametrize(
    ("content", "pixels"),
    [
        (png(GREY16), [[0], [1], [128], [255]]),
        (png(GREY16, 257), [[0], [255], [128], [255]]),
        (saved(Image.fromarray(GREY16), "TIFF"), [[0], [1], [128], [255]]),
        (saved(Image.fromarray(GREY16.astype("int32")), "TIFF"), [[0], [1], [128], [255]]),
        (b"P5 4 1 65535\n" + GREY16.astype(">u2").tobytes(), [[0], [1], [128], [255]]),
        (png(np.array([[[0, 0x1234, 65535], [0x1234, 0, 0]]])), [[0, 0x12, 255], [0x12, 0, 0]]),
        (png(np.array([[[0, 0x1234, 65535], [0x1234, 0, 0]]]), (0x1234, 0, 0)), [[0, 0x12, 255], [255, 255, 255]]),
        (saved(in_palette(), "PNG"), [[10, 20, 30], [1, 2, 3]]),
        (saved(in_palette(), "PNG", transparency=1), [[10, 20, 30], [255, 255, 255]]),
        (saved(in_palette(), "GIF", transparency=0), [[255, 255, 255], [1, 2, 3]]),
        (saved(in_palette(colours=(0, 0, 0, 1, 2, 3)), "PNG", transparency=b"\x33\xff"), [[204, 204, 204], [1, 2, 3]]),
        (saved(Image.new("LA", (1, 1), (0, 51)), "PNG"), [[204]]),
        (saved(Image.new("RGBA", (1, 1), (0, 255, 0, 51)), "PNG"), [[204, 255, 204]]),
        (saved(Image.new("L", (1, 1), 7), "PNG", transparency=7), [[255]]),
        (saved(Image.new("L", (1, 1), 7), "PNG", transparency=8), [[7]]),
        (saved(Image.new("CMYK", (1, 1), (0, 255, 255, 0)), "TIFF"), [[255, 0, 0]]),
        (saved(Image.new("1", (1, 1), 1), "PNG"), [[255]]),
    ],
)
def test_pixels_of_every_mode(tmp_path, content, pixels):
    (tmp_path / "a.png").write_bytes(content)  # Pillow looks at the content
    images, _ = datasets.load(tmp_path)
    assert images.dtype == "uint8"
    assert images[0, 0].tolist() == pixels


@pytest.mark.parametrize(
    ("pixels", "received"),
    [
        (np.array([[0.0, 0.5]], "float32"), "mode F with values from 0.0 to 0.5"),
        (np.array([[-1, 5]], "int32"), "mode I with values from -1 to 5"),
        (np.array([[0, 65536]], "int32"), "mode I with values from 0 to 65536"),
    ],
)
def test_pixels_of_an_unknown_range_are_refused(tmp_path, pixels, received):
    Image.fromarray(pixels).save(tmp_path / "a.tif")
    with pytest.raises(ValueError, match=f"the range of its pixels is unknown.*{received}"):
        datasets.load(tmp_path)


def test_an_npy_file_called_npz(tmp_path):
    with (tmp_path / "a.npz").open("wb") as file:
        np.save(file, np.zeros((2, 4, 4), "uint8"))
    with pytest.raises(ValueError, match=r"must be a complete \.npz file"):
        datasets.load(tmp_path / "a.npz")


def test_photographs_are_turned_as_their_camera_says(tmp_path):
    photo = Image.new("L", (4, 3), 0)
    photo.paste(255, (0, 0, 4, 1))  # the sky, above as the sensor saw it
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # to be turned by 90 degrees clockwise
    photo.save(tmp_path / "a.png", exif=exif)
    images, _ = datasets.load(tmp_path)
    assert images.shape == (1, 4, 3, 1)
    assert (images[0, :, 2] == 255).all()
    assert (images[0, :, :2] == 0).all()


def test_a_folder_of_different_sizes(tmp_path):
    picture(tmp_path / "a.png", 0, "L")
    picture(tmp_path / "b.png", 0, "L", size=(5, 5))
    with pytest.raises(ValueError, match=r"image_size=\(height, width\).*a.png of \(3, 4\), b.png of \(5, 5\)"):
        datasets.load(tmp_path)


def test_image_size_crops_around_the_centre_and_resizes(tmp_path):
    wide = Image.new("L", (8, 4), 50)
    wide.paste(200, (2, 0, 6, 4))  # what lies in the middle 4x4
    wide.save(tmp_path / "a.png")
    Image.new("L", (3, 9), 7).save(tmp_path / "b.png")

    def load(size):
        images, _ = datasets.load(tmp_path, image_size=size)
        return images[np.argsort(-images[:, 0, 0, 0].astype(int))]  # the wide one first

    for size in ((4, 4), (2, 2), [6, 6]):
        images = load(size)
        assert images.shape == (2, *size, 1)
        # the outside, 50, shows at most as the filter's overshoot
        np.testing.assert_allclose(images[0], 200, atol=0 if size == (4, 4) else 40)
        assert (images[1] == 7).all()
    np.testing.assert_array_equal(load((4, 8))[0, ..., 0], np.asarray(wide))


@pytest.mark.parametrize("channels", [(), (1,), (3,)])
def test_image_size_of_arrays(tmp_path, channels):
    x = np.zeros((2, 4, 8, *channels), "uint8")
    x[:, :, 2:6] = 90
    np.savez(tmp_path / "a.npz", x_train=x, y_train=[0, 1])
    images, labels = datasets.load(tmp_path / "a.npz", image_size=(8, 8))
    assert images.shape == (2, 8, 8, *(channels or (1,)))
    assert images.dtype == "uint8"
    np.testing.assert_allclose(images, 90, atol=20)  # 0 without the crop
    assert labels.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("options", "row"),
    [
        ({}, [200] * 4),  # the middle of 50 50 200 200 200 200 50 50
        ({"crop_to_aspect_ratio": False}, [50, 200, 200, 50]),
        ({"pad_to_aspect_ratio": True}, [50, 200, 200, 50]),
    ],
)
def test_aspect_ratio(tmp_path, options, row):
    wide = np.full((4, 8), 50, "uint8")
    wide[:, 2:6] = 200
    (tmp_path / "images").mkdir()
    Image.fromarray(wide).save(tmp_path / "images" / "a.png")
    np.savez(tmp_path / "a.npz", x_train=wide[None])
    images, _ = datasets.load(tmp_path / "images", image_size=4, **options)
    assert images.shape == (1, 4, 4, 1)
    np.testing.assert_allclose(images[0, 1, :, 0], row, atol=30)  # the filter blurs edges
    assert (images[0, [0, 3]] == 0).all() == ("pad_to_aspect_ratio" in options)  # bars above and below
    np.testing.assert_array_equal(images, datasets.load(tmp_path / "a.npz", image_size=4, **options).images)
    batch = datasets.ImageFolder(tmp_path / "images", (4, 4, 1), 1, **options)[0][0]
    np.testing.assert_array_equal(images, batch)


def test_a_progress_bar_for_more_than_three_seconds_of_reading(tmp_path, monkeypatch, capsys):
    for i in range(3):
        picture(tmp_path / f"{i}.png", i, "L")
    datasets.load(tmp_path)
    assert not capsys.readouterr().out
    seconds = iter([0, 1, 4, 5])
    monkeypatch.setattr(time, "monotonic", lambda: next(seconds))
    datasets.load(tmp_path)
    assert "3/3" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("image_size", "error"),
    [(0, ValueError), ((28,), ValueError), ((28, 28, 3), ValueError), ((28, 0), ValueError), ((28, 2.5), TypeError)],
)
def test_an_impossible_image_size(image_size, error):
    with pytest.raises(error, match="`image_size"):
        datasets.load("fashion_mnist_10k", image_size=image_size)


@pytest.mark.parametrize("content", [b"", b"no image at all", None])
def test_a_broken_image(tmp_path, content):
    picture(tmp_path / "a.png", 0, "L", size=(64, 64))
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "b.png").write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.warns(UserWarning, match=r"files that cannot be read: 1 \(.*b\.png: not a readable image"):
        assert datasets.load(tmp_path).images.shape == (1, 64, 64, 1)
    with pytest.raises(ValueError, match=r"An image cannot be read.*b\.png"):
        datasets.load(tmp_path, on_error="raise")
    (tmp_path / "a.png").unlink()
    with pytest.raises(ValueError, match=r"no image that can be read.*b\.png: not a readable image"):
        datasets.load(tmp_path)


@pytest.mark.parametrize("source", ["nowhere.npz", "no/where", pathlib.Path("/no/where")])
def test_a_path_that_does_not_exist(source):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        datasets.load(source)


def test_an_unknown_name_lists_the_known():
    with pytest.raises(ValueError, match='"fashion_mnist_10k", "mnist", "fashion_mnist", "cifar10"'):
        datasets.load("minst")


def test_unknown_options():
    with pytest.raises(ValueError, match="`split` must be one of train, test, validation. Received: split='dev'"):
        datasets.load("mnist", "dev")
    with pytest.raises(ValueError, match="`on_error` must be one of skip, raise. Received: on_error='ignore'"):
        datasets.load("mnist", on_error="ignore")
    with pytest.raises(ValueError, match='must be one of train, test for "mnist".*validation'):
        datasets.load("mnist", "validation")
    with pytest.raises(ValueError, match="must be one of train for .*test"):
        datasets.load("fashion_mnist_10k", "test")


def test_an_array_that_would_grow_out_of_proportion_is_refused(tmp_path):
    np.savez_compressed(tmp_path / "bomb.npz", x_train=np.zeros((1 << 17, 28, 28), "uint8"))  # 100 MB in 100 kB
    assert (tmp_path / "bomb.npz").stat().st_size < 1 << 17
    with pytest.raises(ValueError, match="x_train would grow from .* to 102760576 bytes"):
        datasets.load(tmp_path / "bomb.npz")


def test_an_array_that_claims_to_be_huge_is_not_read(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (1 << 40, 28, 28)})
    with zipfile.ZipFile(tmp_path / "lie.npz", "w") as archive:
        archive.writestr("x_train.npy", header.getvalue() + bytes(100))
    with pytest.raises(ValueError, match="must be a complete .npz file"):
        datasets.load(tmp_path / "lie.npz")


def test_an_image_that_would_grow_out_of_proportion_is_refused(tmp_path):
    Image.new("1", (10_000, 10_000)).save(tmp_path / "bomb.png")  # 100 million pixels in 12 kB
    with pytest.raises(ValueError, match="bomb.png.*decompression bomb"):
        datasets.load(tmp_path)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_damaged_arrays_are_loaded_correctly_or_not_at_all(tmp_path, arrays, save):
    save(tmp_path / "a.npz", **arrays)
    content = (tmp_path / "a.npz").read_bytes()
    expected = datasets.load(tmp_path / "a.npz")
    tried = refused = 0
    for copy in damaged(content):
        tried += 1
        (tmp_path / "a.npz").write_bytes(copy)
        try:
            images, labels = datasets.load(tmp_path / "a.npz")
        except ValueError:
            refused += 1
            continue
        np.testing.assert_array_equal(images, expected[0])
        assert labels is None or (labels == expected[1]).all()  # labels may be missing from a file
    assert refused > tried // 2


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # Pillow, of metadata that it can do without
@pytest.mark.parametrize("ending", ["png", "jpg", "gif", "bmp", "webp", "tif"])
def test_damaged_images_are_loaded_in_their_shape_or_not_at_all(tmp_path, ending):
    """Most formats have no checksum: pixels may differ, but nothing else may happen."""
    path = tmp_path / f"a.{ending}"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (16, 16, 3), "uint8")).save(path)
    tried = refused = 0
    for copy in damaged(path.read_bytes()):
        tried += 1
        path.write_bytes(copy)
        try:
            images, labels = datasets.load(tmp_path, image_size=(8, 8))
        except ValueError:
            refused += 1
            continue
        assert images.shape[:3] == (1, 8, 8)
        assert images.dtype == np.uint8
        assert labels is None
    assert refused > tried // 5
