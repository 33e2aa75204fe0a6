"""GifSnapshot: the frames in its file, when it continues a file, and the arguments it refuses."""

import base64
import os
import pathlib
import re
import shutil
from unittest import mock

import keras
import numpy as np
import pytest
from conftest import tiny
from PIL import Image
from stubs import StubModel

from keras_dcgan.callbacks import GifSnapshot

pytestmark = pytest.mark.once


def frames(path):
    with Image.open(path) as file:
        result = []
        for i in range(file.n_frames):
            file.seek(i)
            result.append(np.asarray(file.convert("RGB")))
        return result


def durations(path):
    with Image.open(path) as file:
        return [file.seek(i) or file.info["duration"] for i in range(file.n_frames)]


def sheet(model, n, seed, columns):
    """The grid drawn by hand: black gaps of 2 pixels, everything twice as large."""
    made = model.generate(n, seed=seed)
    rows = -(-n // columns)
    canvas = np.zeros((rows * 10 + 2, columns * 10 + 2, made.shape[-1]), "uint8")
    for i, image in enumerate(made):
        top, left = 2 + i // columns * 10, 2 + i % columns * 10
        canvas[top : top + 8, left : left + 8] = image
    canvas = np.kron(canvas, np.ones((2, 2, 1), "uint8"))
    return np.broadcast_to(canvas, (*canvas.shape[:2], 3)) if canvas.shape[2] == 1 else canvas


def test_one_frame_per_epoch_after_one_of_the_untrained_generator(tmp_path):
    model, path = StubModel(), tmp_path / "samples.gif"
    expected = [sheet(model, 7, 3, 3)]
    keep = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: expected.append(sheet(model, 7, 3, 3)))
    model.fit(GifSnapshot(path, 7, seed=3, captions=False), keep, epochs=3)
    made = frames(path)
    assert len(made) == 4
    for ours, theirs in zip(made, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert (made[0] != made[1]).any()
    with Image.open(path) as file:
        assert file.info["loop"] == 0
    assert durations(path) == [200, 200, 200, 1000]  # the last frame is held for a second


def test_color(tmp_path):
    model, path = StubModel((8, 8, 3)), tmp_path / "samples.gif"
    model.fit(GifSnapshot(path, 4, captions=False))
    # GIF holds 256 colors
    np.testing.assert_allclose(frames(path)[-1], sheet(model, 4, 0, 2), atol=60)


def test_the_colors_of_a_frame_are_chosen_once(tmp_path):
    model, path = StubModel((8, 8, 3)), tmp_path / "samples.gif"
    with mock.patch.object(Image.Image, "quantize", autospec=True, side_effect=Image.Image.quantize) as quantize:
        model.fit(GifSnapshot(path, 4), epochs=3)
    assert quantize.call_count == len(frames(path)) == 4


def test_a_color_gif_keeps_its_frames_when_it_is_continued(tmp_path):
    model, path = StubModel((8, 8, 3)), tmp_path / "samples.gif"
    model.fit(GifSnapshot(path, 4), epochs=2)
    first = frames(path)
    model.fit(GifSnapshot(path, 4), initial_epoch=2, epochs=3)
    np.testing.assert_array_equal(frames(path)[:3], first)


@pytest.mark.parametrize("channels", [2, 4])
def test_transparency(tmp_path, channels):
    path = tmp_path / "samples.gif"
    StubModel((8, 8, channels)).fit(GifSnapshot(path, 4))
    assert len(frames(path)) == 2


def test_every_second_epoch(tmp_path):
    path = tmp_path / "samples.gif"
    StubModel().fit(GifSnapshot(path, every=2), epochs=5)
    assert len(frames(path)) == 3  # untrained, 2, 4


def test_sheets(tmp_path):
    model, folder = StubModel(), tmp_path / "new" / "sheets"
    model.fit(GifSnapshot(tmp_path / "a.gif", 7, 3, frames_dir=folder, captions=False), epochs=2)
    assert sorted(p.name for p in folder.iterdir()) == ["epoch_0000.png", "epoch_0001.png", "epoch_0002.png"]
    with Image.open(folder / "epoch_0002.png") as image:
        np.testing.assert_array_equal(np.asarray(image.convert("RGB")), sheet(model, 7, 3, 3))


def test_scale_and_duration(tmp_path):
    path = tmp_path / "samples.gif"
    StubModel().fit(GifSnapshot(path, 4, scale=1, captions=False, duration=500))
    with Image.open(path) as file:
        assert file.size == (22, 22)
    assert durations(path) == [500, 1000]


def test_a_conditional_model_has_one_column_per_class(tmp_path):
    model, path = StubModel(num_classes=3), tmp_path / "samples.gif"
    model.fit(GifSnapshot(path, num_images=7, scale=1, captions=False))
    made = frames(path)[-1]
    assert made.shape == (32, 32, 3)  # 3 rows for 7 images of 3 classes
    z = model.sample_latents(9, seed=0)
    for i in range(9):
        row, column = divmod(i, 3)
        tile = made[2 + 10 * row : 10 + 10 * row, 2 + 10 * column : 10 + 10 * column, 0]
        np.testing.assert_array_equal(tile, model.generate(latents=z[i : i + 1], labels=[column])[0, ..., 0])


def test_ten_rows_at_most(tmp_path):
    path = tmp_path / "samples.gif"
    StubModel(num_classes=3).fit(GifSnapshot(path, num_images=1000, scale=1, captions=False))
    assert frames(path)[0].shape == (102, 32, 3)


def test_given_labels_lie_in_the_columns_of_their_classes(tmp_path):
    model, path = StubModel(num_classes=3), tmp_path / "samples.gif"
    given = [2, 0, 2, 2]
    model.fit(GifSnapshot(path, labels=given, scale=1, captions=False))
    made = frames(path)[-1][..., 0]
    assert made.shape == (32, 22)  # classes 0 and 2, three rows
    expected = model.generate(latents=model.sample_latents(4, seed=0), labels=given)[..., 0]
    for i, (row, column) in enumerate([(0, 1), (0, 0), (1, 1), (2, 1)]):
        np.testing.assert_array_equal(made[2 + 10 * row :, 2 + 10 * column :][:8, :8], expected[i])
    assert not made[12:, :12].any()


@pytest.mark.parametrize("extra", [0, 1])
def test_continues_its_file_when_fit_is_resumed(tmp_path, extra):
    model, path = StubModel(), tmp_path / "samples.gif"
    model.fit(GifSnapshot(path), epochs=3 + extra)
    first = frames(path)
    # with `extra`, as if the run had died after the frame of an epoch that was not saved
    model.epochs = model.epochs_trained = 3
    model.fit(GifSnapshot(path), initial_epoch=3, epochs=5)
    made = frames(path)
    assert len(made) == 6
    for a, b in zip(first[:4], made[:4], strict=True):
        np.testing.assert_array_equal(a, b)


def test_equal_frames_count_when_it_continues(tmp_path):
    path = tmp_path / "samples.gif"
    for _ in range(2):  # all frames are equal
        model = StubModel(learns=False)
        model.fit(GifSnapshot(path), epochs=3)
    model.learns = True
    model.fit(GifSnapshot(path), initial_epoch=3, epochs=4)
    assert durations(path) == [200, 200, 200, 200, 1000]


def test_a_second_fit_continues_the_file(tmp_path):
    path, whole, model = tmp_path / "samples.gif", tmp_path / "whole.gif", StubModel()
    for epochs in (3, 2):
        model.fit(GifSnapshot(path, every=2, frames_dir=tmp_path / "frames"), epochs=epochs)
    StubModel().fit(GifSnapshot(whole, every=2), epochs=5)
    assert len(frames(path)) == 3
    for ours, theirs in zip(frames(path), frames(whole), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert sorted(p.name for p in (tmp_path / "frames").iterdir()) == [f"epoch_{i:04d}.png" for i in (0, 2, 4)]


def test_a_new_run_starts_a_new_file(tmp_path):
    path = tmp_path / "samples.gif"
    snapshot = GifSnapshot(path)
    for _ in range(2):
        StubModel().fit(snapshot)
        assert len(frames(path)) == 2


def test_resuming_without_a_file_starts_one(tmp_path):
    path = tmp_path / "samples.gif"
    StubModel().fit(GifSnapshot(path), initial_epoch=3, epochs=5)
    assert len(frames(path)) == 3


def test_the_file_is_whole_when_training_dies(tmp_path):
    def die(epoch, logs):
        if epoch == 1:
            raise KeyboardInterrupt

    path = tmp_path / "samples.gif"
    with pytest.raises(KeyboardInterrupt):
        StubModel().fit(GifSnapshot(path), keras.callbacks.LambdaCallback(on_epoch_begin=die), epochs=5)
    assert len(frames(path)) == 2
    assert [p.name for p in tmp_path.iterdir()] == ["samples.gif"]


def test_a_file_that_cannot_be_written_is_reported_once_and_written_later(tmp_path, monkeypatch):
    path, undisturbed = tmp_path / "samples.gif", tmp_path / "undisturbed.gif"
    StubModel().fit(GifSnapshot(undisturbed), epochs=5)
    fsync = os.fsync
    contents = []

    def full(handle):
        raise OSError("No space left on device")

    def on_epoch_begin(epoch, logs):
        contents.append(frames(path))
        monkeypatch.setattr(os, "fsync", full if epoch in (1, 2) else fsync)

    callbacks = [GifSnapshot(path), keras.callbacks.LambdaCallback(on_epoch_begin=on_epoch_begin)]
    with pytest.warns(UserWarning, match="GifSnapshot could not write.*No space left on device") as warned:
        StubModel().fit(*callbacks, epochs=5)
    assert len(warned) == 1
    assert [len(content) for content in contents] == [1, 2, 2, 2, 5]  # the old file stays, whole
    assert path.read_bytes() == undisturbed.read_bytes()  # and has all frames in the end
    assert sorted(p.name for p in tmp_path.iterdir()) == ["samples.gif", "undisturbed.gif"]


@pytest.mark.parametrize("sheets", [False, True])
def test_a_folder_that_vanishes_does_not_end_training(tmp_path, sheets):
    folder = tmp_path / "folder"
    path = folder / "samples.gif" if not sheets else tmp_path / "samples.gif"
    vanish = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: epoch and shutil.rmtree(folder, True))
    with pytest.warns(UserWarning, match=f"GifSnapshot could not write.*{folder}") as warned:
        history = StubModel().fit(GifSnapshot(path, frames_dir=folder if sheets else None), vanish, epochs=4)
    assert len(warned) == 1
    assert history.epoch == [0, 1, 2, 3]


def test_a_folder_without_write_permission_does_not_end_training(tmp_path, monkeypatch):
    def closed(*args, **kwargs):
        raise PermissionError(13, "Permission denied", str(tmp_path))

    monkeypatch.setattr(pathlib.Path, "touch", closed)
    with pytest.warns(UserWarning, match="GifSnapshot could not write.*Permission denied"):
        history = StubModel().fit(GifSnapshot(tmp_path / "samples.gif"), epochs=2)
    assert history.epoch == [0, 1]
    assert not list(tmp_path.iterdir())


def test_adds_the_frame_that_a_killed_training_did_not_write(tmp_path):
    path, whole = tmp_path / "samples.gif", tmp_path / "whole.gif"
    StubModel().fit(GifSnapshot(whole), epochs=4)
    model = StubModel()
    model.fit(GifSnapshot(path), epochs=1)
    model.fit(initial_epoch=1, epochs=2)  # saved after epoch 2, killed before its frame
    model.fit(GifSnapshot(path), initial_epoch=2, epochs=4)
    assert len(frames(path)) == 5
    for ours, theirs in zip(frames(path), frames(whole), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_refuses_to_continue_a_file_that_is_no_animation(tmp_path):
    path = tmp_path / "samples.gif"
    path.write_bytes(b"GIF89a and then nothing")
    with pytest.raises(ValueError, match="move it away"):
        StubModel().fit(GifSnapshot(path), initial_epoch=1, epochs=2)
    assert path.read_bytes() == b"GIF89a and then nothing"


@pytest.mark.parametrize("change", [{"num_images": 36}, {"scale": 1}, {"captions": False}])
def test_refuses_to_continue_a_file_written_with_other_arguments(tmp_path, change):
    model, path = StubModel(), tmp_path / "samples.gif"
    model.fit(GifSnapshot(path), epochs=2)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="pass the arguments it was written with"):
        model.fit(GifSnapshot(path, **change), initial_epoch=2, epochs=3)
    assert path.read_bytes() == before
    assert model.epochs == 2  # before the first epoch


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_refuses_to_continue_a_truncated_file(tmp_path, share):
    model, path = StubModel(), tmp_path / "samples.gif"
    model.fit(GifSnapshot(path), epochs=3)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match="move it away"):
        model.fit(GifSnapshot(path), initial_epoch=3, epochs=4)
    assert path.read_bytes() == whole[: int(share * len(whole))]


@pytest.mark.parametrize("name", ["filepath", "frames_dir"])
def test_refuses_a_folder_that_cannot_be_made_before_training(tmp_path, images, name):
    (tmp_path / "file").write_text("not a folder")
    paths = {"filepath": tmp_path / "samples.gif", "frames_dir": None} | {name: tmp_path / "file" / "folder" / "a.gif"}
    gan = tiny()
    with pytest.raises(ValueError, match=f"`{name}`: the folder cannot be created"):
        gan.fit(images, verbose=0, callbacks=[GifSnapshot(paths["filepath"], frames_dir=paths["frames_dir"])])
    assert int(gan.g_opt.iterations.numpy()) == 0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"filepath": "samples.webp"}, ValueError, "`filepath` must end in .gif"),
        ({"filepath": "samples"}, ValueError, "`filepath` must end in .gif"),
        ({"num_images": 0}, ValueError, "`num_images`"),
        ({"every": 0}, ValueError, "`every`"),
        ({"scale": 1.5}, TypeError, "`scale`"),
        ({"duration": -1}, ValueError, "`duration`"),
        ({"duration": 25}, ValueError, "multiple of 10"),
        ({"seed": None}, TypeError, "`seed`"),
        ({"seed": 2.7}, TypeError, "`seed`"),
    ],
)
def test_refuses_nonsense(arguments, error, message):
    with pytest.raises(error, match=message):
        GifSnapshot(**({"filepath": "samples.gif"} | arguments))


def test_refuses_labels_for_a_model_without(tmp_path):
    with pytest.raises(ValueError, match="`labels` are for a conditional model"):
        StubModel().fit(GifSnapshot(tmp_path / "a.gif", labels=[1, 2]))


@pytest.mark.parametrize("bad", [[0, 3], [-1], []])
def test_refuses_labels_that_do_not_exist(tmp_path, bad):
    with pytest.raises(ValueError, match="must be integers|at least one label"):
        StubModel(num_classes=3).fit(GifSnapshot(tmp_path / "a.gif", labels=bad))


def test_makes_its_folder_and_accepts_a_capital_ending(tmp_path):
    path = tmp_path / "a" / "b" / "samples.GIF"
    StubModel().fit(GifSnapshot(str(path)))
    assert len(frames(path)) == 2


def test_a_kill_at_any_byte_leaves_a_whole_file(tmp_path):
    """What a killed process has written by then: the bytes behind the end, then the end mark that it overwrites."""
    model, path = StubModel(), tmp_path / "samples.gif"
    model.fit(GifSnapshot(path), epochs=2)
    before, shown = path.read_bytes(), frames(path)
    model.fit(GifSnapshot(path), initial_epoch=2, epochs=3)
    after = path.read_bytes()
    for end in (len(before), len(before) + 1, len(before) + 100, len(after)):
        path.write_bytes(before + after[len(before) : end])
        for ours, expected in zip(frames(path), shown, strict=True):
            np.testing.assert_array_equal(ours, expected)
        model.epochs = model.epochs_trained = 2
        model.fit(GifSnapshot(path), initial_epoch=2, epochs=3)
        assert path.read_bytes() == after


def test_a_frame_costs_the_same_at_any_epoch(tmp_path):
    """After the first frame of a run, the file is not written anew: its inode stays."""
    path, seen = tmp_path / "samples.gif", []
    note = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: seen.append(path.stat().st_ino))
    StubModel().fit(GifSnapshot(path), note, epochs=5)
    assert len(set(seen)) == 1
    assert len(frames(path)) == 6


def test_a_notebook_shows_the_animation(tmp_path):
    path = tmp_path / "samples.gif"
    snapshot = GifSnapshot(path)
    assert "is written when training starts" in snapshot._repr_html_()
    StubModel().fit(snapshot)
    data = re.fullmatch(r'<img src="data:image/gif;base64,(\S+)" alt="[^"]+">', snapshot._repr_html_())[1]
    assert base64.b64decode(data) == path.read_bytes()


def test_captions_are_the_epoch_and_the_classes(tmp_path):
    plain, captioned = tmp_path / "plain.gif", tmp_path / "captioned.gif"
    StubModel(num_classes=2, class_names=["a", "b"]).fit(GifSnapshot(plain, captions=False))
    StubModel(num_classes=2, class_names=["a", "b"]).fit(GifSnapshot(captioned))
    for ours, grid in zip(frames(captioned), frames(plain), strict=True):
        np.testing.assert_array_equal(ours[-len(grid) :], grid)
        title, names = np.array_split(ours[: -len(grid)], 2)
        assert title.max() > 128
        assert names.max() > 128
    first, second = frames(captioned)
    assert (first[:16] != second[:16]).any()  # "epoch 0", "epoch 1"
