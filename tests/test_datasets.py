"""Loading images from every source."""

import io
import os
import pathlib
import pickle
import zipfile

import keras
import numpy as np
import pytest
from conftest import damaged
from PIL import ExifTags, Image

from keras_dcgan import datasets

pytestmark = pytest.mark.once

DATA = os.environ.get("KERAS_DCGAN_DATA")


def test_the_embedded_set():
    images, labels = datasets.load("fashion_mnist_10k")
    assert images.shape == (10_000, 28, 28, 1)
    assert images.dtype == "uint8"
    assert labels.dtype == "int32"
    assert np.bincount(labels).tolist() == [1000] * 10
    assert images.max() == 255
    # the test set's mean pixel and first labels, as its authors published it: ankle boot, pullover, trouser, trouser
    assert images.mean() == pytest.approx(73.1, abs=0.1)
    assert labels[:4].tolist() == [9, 2, 1, 1]


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
    images, labels = datasets.load(name, split)
    assert images.shape == (shape if len(shape) == 4 else (*shape, 1))
    assert (images == ["train", "test"].index(split)).all()
    assert labels.dtype == "int32"
    assert labels.tolist() == list(range(6))


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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x_train": np.zeros((5, 4, 3))}, "uint8 images"),
        ({"x_train": np.zeros((5, 4), "uint8")}, "uint8 images"),
        ({"y_train": np.zeros(5)}, "one integer label an image"),
        ({"y_train": np.zeros(4, "uint8")}, "one integer label an image"),
        ({"y_train": np.zeros((5, 2), "uint8")}, "one integer label an image"),
        ({"x_train": np.array([{}, []], dtype=object)}, "not pickled"),
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
    with pytest.raises(ValueError, match="must be a whole .npz file"):
        datasets.load(tmp_path / "a.npz")


def test_damaged_npz(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", x_train=np.random.default_rng(0).integers(0, 256, (50, 8, 8), "uint8"))
    data = bytearray((tmp_path / "a.npz").read_bytes())
    data[1000:1100] = bytes(100)
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(ValueError, match="must be a whole .npz file"):
        datasets.load(tmp_path / "a.npz")


def test_pickle_is_not_loaded(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harm"),)

    (tmp_path / "a.npz").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ValueError, match="must be a whole .npz file, not pickled"):
        datasets.load(tmp_path / "a.npz")
    assert not (tmp_path / "harm").exists()


def picture(path, colour, mode="RGB", size=(4, 3)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)


def test_a_folder_of_class_folders(tmp_path):
    picture(tmp_path / "dog" / "b.png", (4, 5, 6))
    picture(tmp_path / "cat" / "a.png", (1, 2, 3))
    picture(tmp_path / "dog" / "a.png", 9, "L")
    (tmp_path / "dog" / "notes.txt").write_text("no image")
    images, labels = datasets.load(tmp_path)
    assert images.shape == (3, 3, 4, 3)
    assert images[:, 0, 0].tolist() == [[1, 2, 3], [9, 9, 9], [4, 5, 6]]
    assert labels.tolist() == [0, 1, 1]
    with pytest.raises(ValueError, match="all train"):
        datasets.load(tmp_path, "test")


def test_a_folder_without_classes(tmp_path):
    picture(tmp_path / "b.png", 2, "L")
    picture(tmp_path / "a.JPG", 1, "L")
    images, labels = datasets.load(str(tmp_path))
    assert images.shape == (2, 3, 4, 1)
    assert images[:, 0, 0, 0].tolist() == [1, 2]
    assert labels is None


def test_a_folder_with_splits(tmp_path):
    picture(tmp_path / "train" / "a" / "1.png", 1, "L")
    picture(tmp_path / "test" / "a" / "1.png", 2, "L")
    picture(tmp_path / "test" / "b" / "1.png", 3, "L")
    assert datasets.load(tmp_path)[0].ravel()[0] == 1
    images, labels = datasets.load(tmp_path, "test")
    assert images[:, 0, 0, 0].tolist() == [2, 3]
    assert labels.tolist() == [0, 1]


def test_hidden_and_empty_folders_are_no_classes(tmp_path):
    picture(tmp_path / ".ipynb_checkpoints" / "a.png", 0, "L")
    picture(tmp_path / "__MACOSX" / "a.png", 0, "L")
    (tmp_path / "ant").mkdir()
    picture(tmp_path / "cat" / "a.png", 1, "L")
    picture(tmp_path / "dog" / "a.png", 2, "L")
    assert datasets.load(tmp_path)[1].tolist() == [0, 1]


def test_a_class_may_be_called_train(tmp_path):
    for i, name in enumerate(("car", "plane", "train")):
        picture(tmp_path / name / "a.png", i, "L")
    images, labels = datasets.load(tmp_path)
    assert images[:, 0, 0, 0].tolist() == labels.tolist() == [0, 1, 2]


def test_a_split_that_is_missing(tmp_path):
    picture(tmp_path / "train" / "a" / "1.png", 1, "L")
    with pytest.raises(ValueError, match="no folder test"):
        datasets.load(tmp_path, "test")


def test_images_beside_class_folders(tmp_path):
    picture(tmp_path / "a.png", 1, "L")
    picture(tmp_path / "cat" / "a.png", 1, "L")
    with pytest.raises(ValueError, match="not both"):
        datasets.load(tmp_path)


def test_images_of_more_than_8_bits(tmp_path):
    picture(tmp_path / "a.png", 40000, "I;16")
    with pytest.raises(ValueError, match="8 bits a channel"):
        datasets.load(tmp_path)


def test_an_npy_file_called_npz(tmp_path):
    with (tmp_path / "a.npz").open("wb") as file:
        np.save(file, np.zeros((2, 4, 4), "uint8"))
    with pytest.raises(ValueError, match=r"must be a whole \.npz file"):
        datasets.load(tmp_path / "a.npz")


def test_transparency_lies_on_white(tmp_path):
    picture(tmp_path / "a.png", (0, 0, 0, 0), "RGBA")
    assert (datasets.load(tmp_path)[0] == 255).all()


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
    for size in ((4, 4), (2, 2), [6, 6]):
        images, _ = datasets.load(tmp_path, image_size=size)
        assert images.shape == (2, *size, 1)
        # the outside, 50, shows at most as the filter's overshoot
        np.testing.assert_allclose(images[0], 200, atol=0 if size == (4, 4) else 40)
        assert (images[1] == 7).all()
    images, _ = datasets.load(tmp_path, image_size=(4, 8))
    np.testing.assert_array_equal(images[0, ..., 0], np.asarray(wide))


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
    ("image_size", "error"), [(28, ValueError), ((28,), ValueError), ((28, 0), ValueError), ((28, 2.5), TypeError)]
)
def test_an_impossible_image_size(image_size, error):
    with pytest.raises(error, match="`image_size"):
        datasets.load("fashion_mnist_10k", image_size=image_size)


@pytest.mark.parametrize("content", [b"", b"no image at all", None])
def test_a_broken_image(tmp_path, content):
    picture(tmp_path / "a.png", 0, "L", size=(64, 64))
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "b.png").write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(ValueError, match=r"An image cannot be read.*b\.png"):
        datasets.load(tmp_path)


def test_an_empty_folder(tmp_path):
    with pytest.raises(ValueError, match="no images"):
        datasets.load(tmp_path)


@pytest.mark.parametrize("source", ["nowhere.npz", "no/where", pathlib.Path("/no/where")])
def test_a_path_that_does_not_exist(source):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        datasets.load(source)


def test_an_unknown_name_lists_the_known():
    with pytest.raises(ValueError, match='"fashion_mnist_10k", "mnist", "fashion_mnist", "cifar10"'):
        datasets.load("minst")


def test_unknown_split():
    with pytest.raises(ValueError, match="`split`"):
        datasets.load("mnist", "validation")
    with pytest.raises(ValueError, match="only the split"):
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
    with pytest.raises(ValueError, match="must be a whole .npz file"):
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
