"""A saved model comes back whole, and an old file is never lost."""

import json
import shutil
import subprocess

import keras
import numpy as np
import pytest
from conftest import assert_identical, tiny

import keras_dcgan


@pytest.mark.parametrize("preset", ["radford_28", "radford_28_conditional"])
def test_everything_that_was_set_comes_back(tmp_path, preset):
    gan = tiny(preset, latent_prior="normal", value_range=(0, 1))
    g_opt = keras.optimizers.AdamW(3e-4, weight_decay=0.01, name="mine")
    d_opt = keras.optimizers.SGD(0.1, momentum=0.5, global_clipnorm=2.0)
    gan.compile(g_opt, d_opt, "least_squares", update="alternating", steps_per_execution=1, run_eagerly=True)
    gan.save(tmp_path / "gan.keras")
    again = keras.saving.load_model(tmp_path / "gan.keras")
    assert type(again) is type(gan)
    for name in ("latent_prior", "value_range", "update", "run_eagerly", "latent_dim", "image_shape", "seed"):
        assert getattr(again, name) == getattr(gan, name)
    assert type(again.loss) is keras_dcgan.losses.LeastSquares
    for name in ("g_opt", "d_opt"):
        ours, theirs = getattr(gan, name), getattr(again, name)
        assert type(theirs) is type(ours)
        assert json.dumps(theirs.get_config(), default=str) == json.dumps(ours.get_config(), default=str)
    assert again.optimizer.optimizers == [again.g_opt, again.d_opt]
    assert_identical(gan, again)


@pytest.mark.once
def test_what_is_left_to_the_machine_stays_so(tmp_path):
    tiny().save(tmp_path / "gan.keras")
    again = keras.saving.load_model(tmp_path / "gan.keras")
    assert not {"jit_compile", "run_eagerly"} & set(again.get_compile_config())


def test_own_networks_come_back(tmp_path, images):
    z = keras.Input((4,))
    x = keras.layers.Reshape((8, 8, 1))(keras.layers.Dense(64, activation="sigmoid")(z))
    d = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
    gan = keras_dcgan.DCGAN(keras.Model(z, x), d, value_range=(0, 1))
    gan.compile()
    gan.fit(images, verbose=0)
    gan.save(tmp_path / "gan.keras")
    again = keras.saving.load_model(tmp_path / "gan.keras")
    assert_identical(gan, again)
    np.testing.assert_array_equal(gan.generate(3, seed=1), again.generate(3, seed=1))


@pytest.mark.once
def test_a_model_that_is_not_compiled_comes_back_so(tmp_path):
    gan = tiny()
    keras_dcgan.DCGAN(gan.generator, gan.discriminator).save(tmp_path / "gan.keras")
    again = keras.saving.load_model(tmp_path / "gan.keras")
    assert not again.compiled
    for a, b in zip(gan.weights, again.weights, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


@pytest.mark.parametrize("name", ["gan.keras", "gan.weights.h5"])
def test_model_checkpoint(tmp_path, images, name):
    gan, weights_only = tiny("mnist"), name.endswith(".h5")
    checkpoint = keras.callbacks.ModelCheckpoint(tmp_path / name, save_weights_only=weights_only)
    gan.fit(images, batch_size=8, epochs=2, verbose=0, callbacks=[checkpoint])
    if weights_only:
        again = tiny("mnist", seed=8)
        again.load_weights(tmp_path / name)
    else:
        again = keras.saving.load_model(tmp_path / name)
    assert_identical(gan, again)
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.once
def test_model_checkpoint_of_the_best_epoch(tmp_path, images):
    gan = tiny()
    path = tmp_path / "best.keras"
    best = keras.callbacks.ModelCheckpoint(path, monitor="d_loss", mode="min", save_best_only=True)
    saved = []
    watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: saved.append(path.stat().st_mtime_ns))
    history = gan.fit(images, batch_size=8, epochs=4, verbose=0, callbacks=[best, watch]).history
    lowest = np.minimum.accumulate(history["d_loss"])
    improved = [True, *(lowest[1:] < lowest[:-1])]
    assert [a != b for a, b in zip(saved, [None, *saved[:-1]], strict=True)] == improved


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of its own, of 1 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this test must mount a small disk, and may not")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.once
@pytest.mark.parametrize("name", ["gan.keras", "gan.weights.h5"])
def test_an_old_file_stays_whole_when_the_disk_is_full(small_disk, name):
    gan = tiny()
    save = gan.save if name == "gan.keras" else gan.save_weights
    save(small_disk / name)
    before = (small_disk / name).read_bytes()
    room = len(before) // 2
    (small_disk / "large").write_bytes(bytes(shutil.disk_usage(small_disk).free - room))
    with pytest.raises(OSError, match="No space left on device"):
        save(small_disk / name)
    assert (small_disk / name).read_bytes() == before
    assert not [p for p in small_disk.iterdir() if p.name.startswith(".")]


@pytest.mark.parametrize("name", ["gan.keras", "gan.weights.h5"])
def test_an_old_file_stays_whole_when_saving_fails(tmp_path, monkeypatch, name):
    gan = tiny()
    save = gan.save if name == "gan.keras" else gan.save_weights
    save(tmp_path / name)
    before = (tmp_path / name).read_bytes()

    def disk_full(store):
        raise OSError("No space left on device")

    monkeypatch.setattr(gan.d_opt, "save_own_variables", disk_full)
    with pytest.raises(OSError, match="No space left"):
        save(tmp_path / name)
    assert (tmp_path / name).read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.once
def test_a_file_holds_each_optimizer_state_once(tmp_path):
    gan = keras_dcgan.DCGAN.from_preset("radford_28", seed=0, width=1 / 4)
    gan.compile()
    gan.save(tmp_path / "gan.keras")
    numbers = 4 * sum(np.prod(v.shape) for v in (*gan.variables, *gan.optimizer.variables))
    assert numbers < (tmp_path / "gan.keras").stat().st_size < 1.2 * numbers + 400_000
