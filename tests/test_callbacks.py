"""GifSnapshot: what is in the file, and what is left alone."""

import shutil
import tempfile
from unittest import mock

import keras
import numpy as np
import pytest
from conftest import BACKEND, assert_identical
from conftest import tiny as pale
from PIL import Image

from keras_dcgan.callbacks import GifSnapshot

FORMATS = ["gif", "webp", "png"]


def tiny(*args, **kwargs):
    """A tiny model whose images differ to the eye: weights of N(0, 0.02) start with grey ones."""
    gan = pale(*args, **kwargs)
    rng = np.random.default_rng(5)
    for v in gan.generator.trainable_variables:
        if "kernel" in v.path:
            v.assign(rng.normal(0, 0.3, v.shape))
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    return gan


def frames(path):
    with Image.open(path) as file:
        result = []
        for i in range(file.n_frames):
            file.seek(i)
            result.append(np.asarray(file.convert("RGB")))
        return result


def sheet(gan, n, seed, columns):
    """The grid drawn by hand: black gaps of 2 pixels, everything twice as large."""
    made = gan.generate(n, seed=seed)
    rows = -(-n // columns)
    canvas = np.zeros((rows * 10 + 2, columns * 10 + 2, made.shape[-1]), "uint8")
    for i, image in enumerate(made):
        top, left = 2 + i // columns * 10, 2 + i % columns * 10
        canvas[top : top + 8, left : left + 8] = image
    canvas = np.kron(canvas, np.ones((2, 2, 1), "uint8"))
    return np.broadcast_to(canvas, (*canvas.shape[:2], 3)) if canvas.shape[2] == 1 else canvas


@pytest.mark.parametrize("ending", FORMATS)
def test_a_frame_an_epoch_the_first_of_the_untrained_generator(tmp_path, images, ending):
    gan, path = tiny(), tmp_path / f"samples.{ending}"
    untrained = sheet(gan, 7, 3, 3)
    gan.fit(images, batch_size=8, epochs=3, verbose=0, callbacks=[GifSnapshot(path, 7, seed=3)])
    made = frames(path)
    assert len(made) == 4
    np.testing.assert_array_equal(made[0], untrained)
    np.testing.assert_array_equal(made[-1], sheet(gan, 7, 3, 3))
    assert (made[0] != made[1]).any()
    with Image.open(path) as file:
        assert file.info["loop"] == 0
        file.seek(1)
        file.load()
        assert file.info["duration"] == 200


@pytest.mark.parametrize("ending", FORMATS)
def test_colour(tmp_path, ending):
    x = np.random.default_rng(0).integers(0, 256, (8, 8, 8, 3), "uint8")
    gan, path = tiny(image_shape=(8, 8, 3)), tmp_path / f"samples.{ending}"
    gan.fit(x, epochs=1, verbose=0, callbacks=[GifSnapshot(path, 4)])
    made = frames(path)
    # GIF holds 256 colours
    np.testing.assert_allclose(made[-1], sheet(gan, 4, 0, 2), atol=40 if ending == "gif" else 0)


def test_the_colours_of_a_frame_are_chosen_once(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (8, 8, 8, 3), "uint8")
    gan, path = tiny(image_shape=(8, 8, 3)), tmp_path / "samples.gif"
    with mock.patch.object(Image.Image, "quantize", autospec=True, side_effect=Image.Image.quantize) as quantize:
        gan.fit(x, epochs=3, verbose=0, callbacks=[GifSnapshot(path, 4)])
    assert quantize.call_count == len(frames(path)) == 4


def test_a_film_in_colour_keeps_its_frames_when_it_is_continued(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (8, 8, 8, 3), "uint8")
    gan, path = tiny(image_shape=(8, 8, 3)), tmp_path / "samples.gif"
    gan.fit(x, epochs=2, verbose=0, callbacks=[GifSnapshot(path, 4)])
    first = frames(path)
    gan.fit(x, initial_epoch=2, epochs=3, verbose=0, callbacks=[GifSnapshot(path, 4)])
    np.testing.assert_array_equal(frames(path)[:3], first)


@pytest.mark.parametrize("channels", [2, 4])
@pytest.mark.parametrize("ending", FORMATS)
def test_transparency(tmp_path, channels, ending):
    gan, path = tiny(image_shape=(8, 8, channels)), tmp_path / f"samples.{ending}"
    x = np.full((8, 8, 8, channels), 200, "uint8")
    gan.fit(x, epochs=1, verbose=0, callbacks=[GifSnapshot(path, 4)])
    assert len(frames(path)) == 2


def test_every_second_epoch(tmp_path, images):
    path = tmp_path / "samples.gif"
    tiny().fit(images, epochs=5, verbose=0, callbacks=[GifSnapshot(path, every=2)])
    assert len(frames(path)) == 3  # untrained, 2, 4


def test_sheets(tmp_path, images):
    gan, folder = tiny(), tmp_path / "new" / "sheets"
    gan.fit(images, epochs=2, verbose=0, callbacks=[GifSnapshot(tmp_path / "a.gif", 7, 3, sheets=folder)])
    assert sorted(p.name for p in folder.iterdir()) == ["epoch_0000.png", "epoch_0001.png", "epoch_0002.png"]
    with Image.open(folder / "epoch_0002.png") as image:
        np.testing.assert_array_equal(np.asarray(image.convert("RGB")), sheet(gan, 7, 3, 3))


def test_scale_and_duration(tmp_path, images):
    path = tmp_path / "samples.gif"
    tiny().fit(images, epochs=1, verbose=0, callbacks=[GifSnapshot(path, 4, scale=1, duration=500)])
    with Image.open(path) as file:
        assert file.size == (22, 22)
        assert file.info["duration"] == 500


def test_a_conditional_model_shows_a_column_a_class(tmp_path, images, labels):
    gan, path = tiny("radford_28_conditional"), tmp_path / "samples.png"
    gan.fit(images, labels, verbose=0, callbacks=[GifSnapshot(path, num_images=7, scale=1)])
    made = frames(path)[-1]
    assert made.shape == (32, 32, 3)  # 3 rows for 7 images of 3 classes
    z = keras.ops.convert_to_numpy(gan.sample_latents(9, seed=0))
    for i in range(9):
        row, column = divmod(i, 3)
        tile = made[2 + 10 * row : 10 + 10 * row, 2 + 10 * column : 10 + 10 * column, 0]
        np.testing.assert_array_equal(tile, gan.generate(latents=z[i : i + 1], labels=column)[0, ..., 0])


def test_ten_rows_at_the_most(tmp_path, images, labels):
    path = tmp_path / "samples.gif"
    snapshot = GifSnapshot(path, num_images=1000, scale=1)
    tiny("radford_28_conditional").fit(images, labels, verbose=0, callbacks=[snapshot])
    assert frames(path)[0].shape == (102, 32, 3)


def test_labels_of_ones_own_lie_in_their_columns(tmp_path, images, labels):
    gan, path = tiny("radford_28_conditional"), tmp_path / "samples.png"
    given = [2, 0, 2, 2]
    gan.fit(images, labels, verbose=0, callbacks=[GifSnapshot(path, labels=given, scale=1)])
    made = frames(path)[-1][..., 0]
    assert made.shape == (32, 22)  # classes 0 and 2, three rows
    expected = gan.generate(latents=keras.ops.convert_to_numpy(gan.sample_latents(4, seed=0)), labels=given)[..., 0]
    for i, (row, column) in enumerate([(0, 1), (0, 0), (1, 1), (2, 1)]):
        np.testing.assert_array_equal(made[2 + 10 * row :, 2 + 10 * column :][:8, :8], expected[i])
    assert not made[12:, :12].any()


@pytest.mark.parametrize("preset", ["radford_28", "mnist", "radford_28_conditional"])
def test_drawing_disturbs_nothing(tmp_path, images, labels, preset):
    with_it, without = tiny(preset), tiny(preset)
    y = [labels] if "conditional" in preset else []
    options = {"batch_size": 8, "epochs": 2, "shuffle": False, "verbose": 0}
    with_it.fit(images, *y, **options, callbacks=[GifSnapshot(tmp_path / "samples.gif")])
    without.fit(images, *y, **options)
    assert_identical(with_it, without)


def test_the_order_of_shuffled_data_is_not_disturbed_either(tmp_path, images):
    results = []
    for callbacks in ([GifSnapshot(tmp_path / "samples.gif")], []):
        keras.utils.set_random_seed(4)
        gan = tiny()
        gan.fit(images, batch_size=8, epochs=2, verbose=0, callbacks=callbacks)
        results.append(gan)
    assert_identical(*results)


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("extra", [0, 1])
def test_continues_its_file_when_fit_is_resumed(tmp_path, images, ending, extra):
    gan, path = tiny(), tmp_path / f"samples.{ending}"
    gan.fit(images, epochs=3 + extra, verbose=0, callbacks=[GifSnapshot(path)])
    first = frames(path)
    # as if the run had died behind the frame of an epoch that was not saved
    gan.fit(images, initial_epoch=3, epochs=5, verbose=0, callbacks=[GifSnapshot(path)])
    made = frames(path)
    assert len(made) == 6
    for a, b in zip(first[:4], made[:4], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("ending", FORMATS)
def test_equal_frames_are_counted_when_it_continues(tmp_path, images, ending):
    gan, path = tiny(), tmp_path / f"samples.{ending}"
    gan.generator.trainable = False
    gan.compile()
    for _ in range(2):  # batch normalisation in a frozen network keeps its averages: all frames are equal
        gan.fit(images, epochs=3, verbose=0, callbacks=[GifSnapshot(path)])
    gan.generator.trainable = True
    gan.compile(keras.optimizers.Adam(0.1), keras.optimizers.Adam(0.1))
    gan.fit(images, initial_epoch=3, epochs=4, verbose=0, callbacks=[GifSnapshot(path)])
    with Image.open(path) as file:
        total = 0
        for i in range(file.n_frames):
            file.seek(i)
            file.load()
            total += file.info["duration"]
    assert total == 5 * 200


def test_a_new_run_starts_a_new_file(tmp_path, images):
    gan, path = tiny(), tmp_path / "samples.gif"
    snapshot = GifSnapshot(path)
    for _ in range(2):
        gan.fit(images, epochs=1, verbose=0, callbacks=[snapshot])
        assert len(frames(path)) == 2


def test_resuming_without_a_file_starts_one(tmp_path, images):
    path = tmp_path / "samples.gif"
    tiny().fit(images, initial_epoch=3, epochs=5, verbose=0, callbacks=[GifSnapshot(path)])
    assert len(frames(path)) == 3


def test_the_file_is_whole_when_training_dies(tmp_path, images):
    class Die(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.params["steps"] - 1 == batch and self.epochs == 1:
                raise KeyboardInterrupt

        def on_epoch_begin(self, epoch, logs=None):
            self.epochs = epoch

    path = tmp_path / "samples.gif"
    with pytest.raises(KeyboardInterrupt):
        tiny().fit(images, batch_size=8, epochs=5, verbose=0, callbacks=[GifSnapshot(path), Die()])
    assert len(frames(path)) == 2
    assert [p.name for p in tmp_path.iterdir()] == ["samples.gif"]


def test_a_film_that_cannot_be_written_is_reported_once_and_training_goes_on(tmp_path, images, monkeypatch):
    path, undisturbed = tmp_path / "samples.gif", tmp_path / "undisturbed.gif"
    tiny().fit(images, epochs=5, shuffle=False, verbose=0, callbacks=[GifSnapshot(undisturbed)])
    save = Image.Image.save
    contents = []

    def full(self, fp, *args, **kwargs):
        fp.write_bytes(b"GIF8")
        raise OSError("No space left on device")

    def on_epoch_begin(epoch, logs):
        contents.append(path.read_bytes())
        monkeypatch.setattr(Image.Image, "save", full if epoch in (1, 2) else save)

    callbacks = [GifSnapshot(path), keras.callbacks.LambdaCallback(on_epoch_begin=on_epoch_begin)]
    with pytest.warns(UserWarning, match="GifSnapshot cannot write.*No space left on device") as warned:
        tiny().fit(images, epochs=5, shuffle=False, verbose=0, callbacks=callbacks)
    assert sum("GifSnapshot" in str(warning.message) for warning in warned) == 1  # NumPy warns too, of Keras
    assert contents[1] == contents[2] == contents[3] != contents[4]  # the old film stays, whole
    assert path.read_bytes() == undisturbed.read_bytes()  # and is made up for
    assert sorted(p.name for p in tmp_path.iterdir()) == ["samples.gif", "undisturbed.gif"]


@pytest.mark.parametrize("sheets", [False, True])
def test_a_folder_that_vanishes_or_is_closed_does_not_end_training(tmp_path, images, monkeypatch, sheets):
    folder = tmp_path / "films"
    film = folder / "samples.gif" if not sheets else tmp_path / "samples.gif"
    vanish = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: epoch and shutil.rmtree(folder, True))
    with pytest.warns(UserWarning, match=f"GifSnapshot cannot write.*{folder}") as warned:
        history = tiny().fit(
            images, epochs=4, verbose=0, callbacks=[GifSnapshot(film, sheets=folder if sheets else None), vanish]
        )
    assert sum("GifSnapshot" in str(warning.message) for warning in warned) == 1  # NumPy warns too, of Keras
    assert len(history.epoch) == 4


def test_a_folder_that_must_not_be_written_to_does_not_end_training(tmp_path, images, monkeypatch):
    def closed(*args, **kwargs):
        raise PermissionError(13, "Permission denied", str(tmp_path))

    monkeypatch.setattr(tempfile, "mkstemp", closed)
    with pytest.warns(UserWarning, match="GifSnapshot cannot write.*Permission denied"):
        history = tiny().fit(images, epochs=2, verbose=0, callbacks=[GifSnapshot(tmp_path / "samples.gif")])
    assert len(history.epoch) == 2
    assert not list(tmp_path.iterdir())


def test_a_frame_that_a_killed_training_did_not_write_is_made_up_for(tmp_path, images):
    path, whole = tmp_path / "samples.gif", tmp_path / "whole.gif"
    options = {"shuffle": False, "verbose": 0}
    gan = tiny()
    tiny().fit(images, epochs=4, callbacks=[GifSnapshot(whole)], **options)
    gan.fit(images, epochs=1, callbacks=[GifSnapshot(path)], **options)
    gan.fit(images, initial_epoch=1, epochs=2, **options)  # saved behind epoch 2, killed before its frame
    gan.fit(images, initial_epoch=2, epochs=4, callbacks=[GifSnapshot(path)], **options)
    assert len(frames(path)) == 5
    for ours, theirs in zip(frames(path), frames(whole), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_refuses_to_continue_what_is_no_animation(tmp_path, images):
    path = tmp_path / "samples.gif"
    path.write_bytes(b"GIF89a and then nothing")
    with pytest.raises(ValueError, match="move it away"):
        tiny().fit(images, initial_epoch=1, epochs=2, verbose=0, callbacks=[GifSnapshot(path)])
    assert path.read_bytes() == b"GIF89a and then nothing"


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("change", [{"num_images": 36}, {"scale": 1}, {"duration": 100}, {"duration": 300}])
def test_refuses_to_continue_a_film_of_another_kind(tmp_path, images, ending, change):
    gan, path = tiny(), tmp_path / f"samples.{ending}"
    gan.fit(images, epochs=2, verbose=0, callbacks=[GifSnapshot(path)])
    before, steps = path.read_bytes(), int(gan.g_opt.iterations.numpy())
    with pytest.raises(ValueError, match="pass what it was written with"):
        gan.fit(images, initial_epoch=2, epochs=3, verbose=0, callbacks=[GifSnapshot(path, **change)])
    assert path.read_bytes() == before
    assert int(gan.g_opt.iterations.numpy()) == steps


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_refuses_to_continue_a_truncated_film(tmp_path, images, ending, share):
    gan, path = tiny(), tmp_path / f"samples.{ending}"
    gan.fit(images, epochs=3, verbose=0, callbacks=[GifSnapshot(path)])
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match="move it away"):
        gan.fit(images, initial_epoch=3, epochs=4, verbose=0, callbacks=[GifSnapshot(path)])
    assert path.read_bytes() == whole[: int(share * len(whole))]


@pytest.mark.parametrize("name", ["filepath", "sheets"])
def test_refuses_a_folder_that_cannot_be_made_before_training(tmp_path, images, name):
    (tmp_path / "file").write_text("not a folder")
    paths = {"filepath": tmp_path / "samples.gif", "sheets": None} | {name: tmp_path / "file" / "folder" / "a.gif"}
    gan = tiny()
    with pytest.raises(ValueError, match=f"`{name}` lies in a folder that cannot be made"):
        gan.fit(images, verbose=0, callbacks=[GifSnapshot(paths["filepath"], sheets=paths["sheets"])])
    assert int(gan.g_opt.iterations.numpy()) == 0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"filepath": "samples.jpg"}, ValueError, "`filepath` must end in .gif"),
        ({"filepath": "samples"}, ValueError, "`filepath` must end in .gif"),
        ({"num_images": 0}, ValueError, "`num_images`"),
        ({"every": 0}, ValueError, "`every`"),
        ({"scale": 1.5}, TypeError, "`scale`"),
        ({"duration": -1}, ValueError, "`duration`"),
        ({"duration": 25}, ValueError, "multiple of 10"),
        ({"seed": None}, ValueError, "`seed`"),
        ({"seed": -1}, ValueError, "`seed`"),
    ],
)
def test_refuses_nonsense(arguments, error, message):
    with pytest.raises(error, match=message):
        GifSnapshot(**({"filepath": "samples.gif"} | arguments))


def test_refuses_labels_for_a_model_without(tmp_path, images):
    with pytest.raises(ValueError, match="`labels` are for a conditional model"):
        tiny().fit(images, verbose=0, callbacks=[GifSnapshot(tmp_path / "a.gif", labels=[1, 2])])


@pytest.mark.parametrize("bad", [[0, 3], [-1], []])
def test_refuses_labels_that_do_not_exist(tmp_path, images, labels, bad):
    with pytest.raises(ValueError, match="must be integers|positive integer"):
        tiny("radford_28_conditional").fit(
            images, labels, verbose=0, callbacks=[GifSnapshot(tmp_path / "a.gif", labels=bad)]
        )


@pytest.mark.skipif(BACKEND != "tensorflow", reason="the paths are the same on every backend")
def test_makes_its_folder_and_takes_a_capital_ending(tmp_path, images):
    path = tmp_path / "a" / "b" / "samples.GIF"
    tiny().fit(images, verbose=0, callbacks=[GifSnapshot(str(path))])
    assert len(frames(path)) == 2
