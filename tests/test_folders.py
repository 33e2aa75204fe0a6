"""Folders of images, read batch by batch."""

import os
import pickle
import re
import threading
import warnings

import keras
import numpy as np
import pytest
from conftest import assert_identical, tiny
from PIL import Image, ImageFile, ImageOps

from keras_dcgan import datasets, images


@pytest.fixture
def folder(tmp_path):
    """11 grey images (8, 8), the i-th of the pixel value i, in three folders of classes."""
    folder = tmp_path / "images"
    for i in range(11):
        (folder / "abc"[i % 3]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8), i, "uint8")).save(folder / "abc"[i % 3] / f"{i:02d}.png")
    return folder


def pixels(batches):
    return [batches[i][0][:, 0, 0, 0].tolist() for i in range(len(batches))]


def test_an_epoch_is_whole_batches_of_different_images(folder):
    batches = datasets.ImageFolder(folder, (8, 8, 1), 4)
    assert len(batches) == batches.num_batches == 2
    (first,) = batches[0]
    assert first.shape == (4, 8, 8, 1)
    assert first.dtype == "uint8"
    read = np.ravel(pixels(batches))
    assert len(read) == len(set(read)) == 8


def test_labels_are_those_of_the_classes(folder):
    batches = datasets.ImageFolder(folder, (8, 8, 1), 5, labels=True)
    for i in range(2):
        read, labels = batches[i]
        assert labels.dtype == "int32"
        np.testing.assert_array_equal(labels, read[:, 0, 0, 0] % 3)


def test_the_order_follows_from_the_seed_and_the_epoch(folder):
    def order(seed, epoch):
        batches = datasets.ImageFolder(folder, (8, 8, 1), 11, seed=seed)
        batches.set_epoch(epoch)
        return tuple(pixels(batches)[0])

    orders = [order(seed, epoch) for seed in (0, 1) for epoch in (0, 1)]
    assert len(set(orders)) == 4
    assert {tuple(sorted(one)) for one in orders} == {tuple(range(11))}
    assert order(1, 1) == orders[-1]


def test_without_a_seed_the_order_is_that_of_the_names(folder):
    batches = datasets.ImageFolder(folder, (8, 8, 1), 11, seed=None)
    batches.set_epoch(3)
    assert pixels(batches) == [[*range(0, 11, 3), *range(1, 11, 3), *range(2, 11, 3)]]


@pytest.mark.parametrize("channels", [1, 3])
def test_images_are_read_as_load_reads_them(tmp_path, channels):
    rng = np.random.default_rng(0)
    for i in range(3):
        size = (4 + i, 6, 3) if channels == 3 else (6, 4 + i)
        Image.fromarray(rng.integers(0, 256, size, "uint8")).save(tmp_path / f"{i}.png")
    clear = Image.new("RGBA" if channels == 3 else "LA", (5, 5), (0,) * (4 if channels == 3 else 2))
    clear.save(tmp_path / "clear.png")
    loaded, _ = datasets.load(tmp_path, image_size=(3, 5))
    assert loaded.shape[3] == channels
    (read,) = datasets.ImageFolder(tmp_path, (3, 5, channels), 4, seed=None)[0]
    assert sorted(image.tobytes() for image in read) == sorted(image.tobytes() for image in loaded)
    assert (read[3] == 255).all()


def test_colours_become_grey_and_grey_becomes_colours(tmp_path):
    Image.new("L", (4, 4), 7).save(tmp_path / "a.png")
    Image.new("RGB", (4, 4), (255, 0, 0)).save(tmp_path / "b.png")
    (grey,) = datasets.ImageFolder(tmp_path, (4, 4, 1), 2, seed=None)[0]
    assert grey[:, 0, 0, 0].tolist() == [7, 76]  # ITU-R 601: 0.299 of red
    (colours,) = datasets.ImageFolder(tmp_path, (4, 4, 3), 2, seed=None)[0]
    assert colours[:, 0, 0].tolist() == [[7, 7, 7], [255, 0, 0]]


def test_a_split(tmp_path, folder):
    (tmp_path / "all").mkdir()
    folder.rename(tmp_path / "all" / "test")
    assert datasets.ImageFolder(tmp_path / "all", (8, 8, 1), 4, "test").num_samples == 11
    (tmp_path / "all" / "test").rename(tmp_path / "all" / "Valid")
    assert datasets.ImageFolder(tmp_path / "all", (8, 8, 1), 4, "validation").num_samples == 11
    with pytest.raises(ValueError, match="no folder train"):
        datasets.ImageFolder(tmp_path / "all", (8, 8, 1), 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_shape": (8, 8)}, r"`image_shape` must be \(height, width, channels\).*Received: image_shape=\(8, 8\)"),
        ({"image_shape": (8, 8, 4)}, r"1 or 3 channels.*Received: image_shape=\(8, 8, 4\)"),
        ({"batch_size": 0}, "`batch_size`"),
        ({"batch_size": 12}, "at most the number of images. Received: batch_size=12 and 11 images"),
        ({"seed": 2.7}, "`seed`"),
        ({"split": "dev"}, "`split` must be one of"),
        ({"on_error": None}, "`on_error` must be one of"),
    ],
)
def test_impossible_arguments(folder, arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        datasets.ImageFolder(folder, **({"image_shape": (8, 8, 1), "batch_size": 4} | arguments))


def test_a_folder_that_does_not_exist(tmp_path):
    with pytest.raises(FileNotFoundError, match="`source` does not exist"):
        datasets.ImageFolder(tmp_path / "nowhere", (8, 8, 1), 4)


def test_a_file_instead_of_a_folder(folder):
    with pytest.raises(ValueError, match=r"`source` must be a folder of images.*00\.png'"):
        datasets.ImageFolder(folder / "a" / "00.png", (8, 8, 1), 4)


def test_classes_have_the_names_of_their_folders(folder):
    (folder / "aa").mkdir()
    with pytest.warns(UserWarning, match=r"class folders without images: 1 \(aa\)") as caught:
        batches = datasets.ImageFolder(folder, (8, 8, 1), 4, labels=True)
    assert caught[0].filename == __file__
    assert batches.class_names == ["a", "b", "c"]
    (folder / "aa").rmdir()
    assert datasets.ImageFolder(folder, (8, 8, 1), 4).class_names is None


def test_labels_without_classes(folder):
    with pytest.raises(ValueError, match="no folders of classes: leave `labels` out"):
        datasets.ImageFolder(folder / "a", (8, 8, 1), 4, labels=True)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_broken_image_ends_the_training_with_its_name(folder, workers):
    (folder / "b" / "01.png").write_bytes(b"no image")
    with pytest.raises(Exception, match=r"(?s)An image cannot be read: remove or replace it.*01\.png"):
        tiny().fit(datasets.ImageFolder(folder, (8, 8, 1), 11, workers=workers, on_error="raise"), verbose=0)


def test_another_image_of_its_class_takes_the_place_of_a_broken_one(folder):
    batches = datasets.ImageFolder(folder, (8, 8, 1), 11, labels=True)
    expected = [[*pixels(batches)[0]], batches[0][1]]
    for broken, other in ((1, 4), (10, 4), (0, 3)):  # class b has 1, 4, 7 and 10: after the last comes the first
        (folder / "abc"[broken % 3] / f"{broken:02d}.png").write_bytes(b"no image")
        expected[0][expected[0].index(broken)] = other
    with pytest.warns(UserWarning, match="takes the place") as caught:
        read = [batches[0], batches[0]]
    for pictures, labels in read:
        assert pictures[:, 0, 0, 0].tolist() == expected[0]
        np.testing.assert_array_equal(labels, expected[1])
    messages = sorted(str(warning.message) for warning in caught)
    assert all(message.startswith("Another image takes the place of an unreadable one.") for message in messages)
    assert [re.search(r"\d\d(?=\.png)", message)[0] for message in messages] == ["00", "01", "10"]


def test_without_labels_an_image_of_another_class_may_take_the_place_of_a_broken_one(folder):
    for i in (0, 3, 6, 9):
        (folder / "a" / f"{i:02d}.png").write_bytes(b"no image")
    with pytest.warns(UserWarning, match="takes the place"):
        assert pixels(datasets.ImageFolder(folder, (8, 8, 1), 11, seed=None)) == [[1] * 5 + [4, 7, 10, 2, 5, 8]]
    with (
        pytest.warns(UserWarning, match="takes the place"),
        pytest.raises(ValueError, match=r"no image left to take the place of an unreadable one.*00\.png"),
    ):
        datasets.ImageFolder(folder, (8, 8, 1), 11, labels=True, seed=None)[0]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_broken_image_does_not_end_the_training(folder, workers):
    (folder / "b" / "01.png").write_bytes(b"no image")
    with pytest.warns(UserWarning, match=r"takes the place.*01\.png") as caught:
        tiny().fit(datasets.ImageFolder(folder, (8, 8, 1), 11, workers=workers), epochs=3, verbose=0)
    assert len([warning for warning in caught if "takes the place" in str(warning.message)]) == 1  # not one per epoch


def test_a_large_jpeg_file_is_decoded_at_a_smaller_scale(tmp_path, monkeypatch):
    noise = np.random.default_rng(0).integers(0, 256, (12, 16, 3), "uint8")
    picture = Image.fromarray(noise).resize((1600, 1200), Image.Resampling.BICUBIC)
    picture.save(tmp_path / "large.jpg", quality=95)
    decoded, load = [], ImageFile.ImageFile.load
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: (decoded.append(self.size), load(self))[1])
    (small,), _ = datasets.load(tmp_path, image_size=64)
    assert (200, 150) in decoded
    expected = np.asarray(ImageOps.fit(picture, (64, 64), Image.Resampling.LANCZOS))
    assert np.abs(small.astype(int) - expected).max() < 8


def test_a_cache_takes_the_place_of_the_files(folder, tmp_path):
    def batches(**options):
        return datasets.ImageFolder(folder, (8, 8, 1), 4, labels=True, cache=tmp_path / "cache", **options)

    first, again = batches(), pickle.loads(pickle.dumps(batches()))
    plain = datasets.ImageFolder(folder, (8, 8, 1), 4, labels=True)
    for epoch in range(3):  # an epoch leaves three images out
        for each in (first, again, plain):
            each.set_epoch(epoch)
        np.testing.assert_equal([first[i] for i in range(2)], [plain[i] for i in range(2)])
    again.set_epoch(0)
    expected, content = pixels(again), (folder / "b" / "01.png").read_bytes()
    for path in folder.rglob("*.png"):
        time = path.stat().st_mtime_ns
        path.write_bytes(b"")
        os.utime(path, ns=(time, time))
    again.set_epoch(0)
    assert pixels(again) == expected
    assert len([*(tmp_path / "cache").iterdir()]) == 1
    batches(pad_to_aspect_ratio=True)
    (folder / "b" / "01.png").write_bytes(content)
    batches()
    assert len([*(tmp_path / "cache").iterdir()]) == 3


def test_a_cache_holds_no_image_twice(folder, tmp_path):
    (folder / "b" / "01.png").write_bytes(b"no image")
    for _ in range(2):
        batches = datasets.ImageFolder(folder, (8, 8, 1), 11, labels=True, seed=None, cache=tmp_path / "cache")
        with pytest.warns(UserWarning, match=r"takes the place.*01\.png"):
            assert pixels(batches) == [[0, 3, 6, 9, 4, 4, 7, 10, 2, 5, 8]]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_resumed_training_sees_what_it_would_have_seen(folder, workers):
    def batches():
        return datasets.ImageFolder(folder, (8, 8, 1), 4, labels=True, workers=workers)

    whole, parts = tiny("radford_28_conditional"), tiny("radford_28_conditional")
    whole.fit(batches(), epochs=4, verbose=0)
    parts.fit(batches(), epochs=1, verbose=0)
    parts.fit(batches(), epochs=4, initial_epoch=1, verbose=0)
    assert_identical(whole, parts)


def test_a_sampler_is_told_the_epoch(images):
    torch = pytest.importorskip("torch")
    sampler = torch.utils.data.DistributedSampler(images, 2, 1, seed=3, drop_last=True)
    told = []
    sampler.set_epoch = told.append
    loader = torch.utils.data.DataLoader(images, 4, sampler=sampler)
    tiny().fit(loader, epochs=4, initial_epoch=2, verbose=0, callbacks=[keras.callbacks.History()])
    assert told == [2, 3]


def test_threads_leave_the_warning_filters_as_they_were(folder):
    files = list(folder.rglob("*.png"))
    before = list(warnings.filters)

    def read():
        for _ in range(20):
            for path in files:
                with images.opened(path) as file:
                    file.load()

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert warnings.filters == before
