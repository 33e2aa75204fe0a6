"""Files of a model: what is refused, and that nothing is lost by it."""

import json
import shutil
import types
import zipfile

import h5py
import keras
import numpy as np
import pytest
from conftest import assert_identical, damaged, tiny, weights

import keras_dcgan
from keras_dcgan import cli

pytestmark = pytest.mark.once  # files are read and written the same way on every backend


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder with a trained model, as weights and whole."""
    folder = tmp_path_factory.mktemp("saved")
    gan = tiny("mnist")
    gan.fit(np.random.default_rng(0).integers(0, 256, (24, 8, 8, 1), "uint8"), batch_size=8, verbose=0)
    gan.save_weights(folder / "gan.weights.h5")
    gan.save(folder / "gan.keras")
    return folder


def fails_and_changes_nothing(gan, path, error, match):
    before = weights(gan)
    with pytest.raises(error, match=match):
        gan.load_weights(path)
    for ours, theirs in zip(weights(gan), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("where", ["weights", "moments"])
@pytest.mark.parametrize("name", ["gan.keras", "gan.weights.h5"])
def test_a_diverged_model_does_not_replace_a_good_file(tmp_path, name, where, value):
    gan = tiny()
    save = gan.save if name == "gan.keras" else gan.save_weights
    save(tmp_path / name)
    before = (tmp_path / name).read_bytes()
    variable = gan.discriminator.weights[-1] if where == "weights" else gan.g_opt.variables[-1]
    variable.assign(np.full(variable.shape, value))
    with pytest.raises(ValueError, match="not saved.*diverged.*Received: NaN or infinity in "):
        save(tmp_path / name)
    assert (tmp_path / name).read_bytes() == before


def test_a_missing_file_is_named(tmp_path):
    fails_and_changes_nothing(tiny(), tmp_path / "no.weights.h5", FileNotFoundError, "no.weights.h5")


@pytest.mark.filterwarnings("ignore:Skipping nested container")  # Keras, before it raises
@pytest.mark.parametrize("name", ["gan.keras", "gan.weights.h5"])
@pytest.mark.parametrize("preset", ["radford_28", "radford_28_conditional"])
def test_weights_of_another_model_are_refused(saved, preset, name):
    fails_and_changes_nothing(tiny(preset), saved / name, ValueError, "could not be loaded|mismatch|expected")


def test_weights_of_a_wider_model_are_refused(tmp_path):
    tiny(width=1 / 8).save_weights(tmp_path / "wide.weights.h5")
    fails_and_changes_nothing(tiny(), tmp_path / "wide.weights.h5", ValueError, "another model.*bytes")


@pytest.mark.filterwarnings("ignore:Skipping variable loading")  # Keras, of an optimizer that does not fit
def test_what_fits_is_loaded_if_so_wished(saved):
    gan, donor = tiny("mnist", latent_dim=5), tiny("mnist")
    donor.load_weights(saved / "gan.weights.h5")
    with pytest.warns(UserWarning, match="could not be loaded"):
        gan.load_weights(saved / "gan.weights.h5", skip_mismatch=True)
    np.testing.assert_array_equal(gan.discriminator.weights[0].numpy(), donor.discriminator.weights[0].numpy())
    assert gan.generator.weights[0].shape != donor.generator.weights[0].shape


def test_a_failure_in_the_middle_changes_nothing(saved, monkeypatch):
    gan = tiny("mnist", seed=5)

    def fail(store):
        raise RuntimeError("in the middle")

    monkeypatch.setattr(gan.optimizer, "load_own_variables", fail)
    fails_and_changes_nothing(gan, saved / "gan.weights.h5", ValueError, "in the middle")


@pytest.mark.parametrize("name", ["gan.weights.h5", "gan.keras"])
def test_a_damaged_file_is_loaded_correctly_or_not_at_all(saved, tmp_path, name):
    gan, right = tiny("mnist", seed=5), tiny("mnist")
    right.load_weights(saved / name)
    expected, before = weights(right), weights(gan)
    tried = refused = 0
    for copy in damaged((saved / name).read_bytes()):
        tried += 1
        (tmp_path / name).write_bytes(copy)
        try:
            gan.load_weights(tmp_path / name)
        except (OSError, ValueError):
            refused += 1
            kept = before
        else:
            kept = expected
        for ours, theirs in zip(weights(gan), kept, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        before = kept
    assert refused > tried // 2


# what keras.saving.load_model, zipfile and h5py raise of a damaged archive
OF_KERAS = (ValueError, TypeError, KeyError, OSError, RuntimeError, NotImplementedError, EOFError, zipfile.BadZipFile)


def test_a_damaged_model_is_loaded_correctly_or_not_at_all(saved, tmp_path):
    expected = weights(keras.saving.load_model(saved / "gan.keras"))
    path = tmp_path / "gan.keras"
    tried = refused = 0
    for copy in damaged((saved / "gan.keras").read_bytes()):
        tried += 1
        path.write_bytes(copy)
        try:
            gan = keras.saving.load_model(path)
        except OF_KERAS:
            refused += 1
        else:
            for ours, theirs in zip(weights(gan), expected, strict=True):
                np.testing.assert_array_equal(ours, theirs)
    assert refused > tried // 2


def test_a_flipped_bit_of_the_weights_in_an_archive_is_found(saved, tmp_path):
    content = bytearray((saved / "gan.keras").read_bytes())
    with zipfile.ZipFile(saved / "gan.keras") as archive:
        member = archive.getinfo("model.weights.h5")
    content[member.header_offset + member.file_size // 2] ^= 1
    (tmp_path / "gan.keras").write_bytes(content)
    # Python up to 3.11 compares checksums when h5py seeks to the end of the member; 3.12.1 and 3.13.0 cannot seek there
    errors = (ValueError, zipfile.BadZipFile, EOFError)
    with pytest.raises(errors, match="(checksum mismatch of|Bad CRC-32 for) .*model.weights.h5|^$"):
        keras.saving.load_model(tmp_path / "gan.keras")
    fails_and_changes_nothing(
        tiny("mnist"), tmp_path / "gan.keras", OSError, "damaged.*checksum mismatch of model.weights.h5"
    )


def rewritten(saved, tmp_path, name, change):
    """A copy of the weights without a checksum, and with `change(file, name)` in place of an array."""
    path = tmp_path / "changed.weights.h5"
    path.write_bytes((saved / "gan.weights.h5").read_bytes())
    with h5py.File(path, "r+") as file:
        for key in list(file.attrs):
            del file.attrs[key]
        del file[name]
        change(file, name)
    return path


ARRAYS = ("g_opt/vars/2", "generator/layers/dense/vars/0", "vars/random_state_1")


@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_that_claims_to_be_huge_is_not_read(saved, tmp_path, name):
    def claim(file, name):
        file.create_dataset(name, shape=(1 << 28,), dtype="float32", chunks=(1 << 20,))  # 1 GiB, nothing stored

    path = rewritten(saved, tmp_path, name, claim)
    assert path.stat().st_size < 1 << 20
    fails_and_changes_nothing(tiny("mnist"), path, ValueError, "another model.*1073741824 bytes")


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("kind", ["external link", "soft link", "external storage", "virtual"])
def test_weights_that_lie_in_another_place_are_refused(saved, tmp_path, name, kind):
    with h5py.File(saved / "gan.weights.h5") as file:
        array = file[name][()]
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["secret"] = array
    (tmp_path / "secret").write_bytes(array.tobytes())

    def point(file, name):
        if kind == "external link":
            file[name] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "secret")
        elif kind == "soft link":
            file[name] = h5py.SoftLink("/generator/layers/dense/vars/0")
        elif kind == "external storage":
            parts = [(str(tmp_path / "secret"), 0, array.nbytes)]
            file.create_dataset(name, array.shape, array.dtype, external=parts)
        else:
            layout = h5py.VirtualLayout(array.shape, array.dtype)
            layout[...] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "secret", array.shape)
            file.create_virtual_dataset(name, layout)

    path = rewritten(saved, tmp_path, name, point)
    fails_and_changes_nothing(tiny("mnist"), path, OSError, f"{name} is (a link|stored in another file)")


def test_an_archive_that_would_grow_is_refused(tmp_path):
    path = tmp_path / "bomb.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", bytes(1 << 26))
    fails_and_changes_nothing(tiny(), path, OSError, "model.weights.h5 would expand from .* to 67108864 bytes")


def test_paths_in_an_archive_lead_nowhere(saved, tmp_path):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    path = inner / "gan.keras"
    path.write_bytes((saved / "gan.keras").read_bytes())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../evil.txt", "evil")
        archive.writestr("assets/../../../evil.txt", "evil")
        archive.writestr(str(tmp_path / "evil.txt"), "evil")
    expected = weights(keras.saving.load_model(saved / "gan.keras"))
    with pytest.warns(UserWarning, match="Skipping invalid path"):
        gan = keras.saving.load_model(path)
    for ours, theirs in zip(weights(gan), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert not list(tmp_path.rglob("evil*"))


def test_code_in_a_file_is_not_run(tmp_path):
    z = keras.Input((4,))
    x = keras.layers.Reshape((2, 2, 1))(keras.layers.Lambda(lambda z: z)(z))
    d = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
    keras_dcgan.DCGAN(keras.Model(z, x), d).save(tmp_path / "gan.keras")
    with pytest.raises(ValueError, match="[Ll]ambda"):
        keras.saving.load_model(tmp_path / "gan.keras")


def test_a_setting_that_this_version_does_not_know_is_named(saved, tmp_path):
    path = tmp_path / "newer.keras"
    with zipfile.ZipFile(saved / "gan.keras") as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "config.json":
                config = json.loads(content)
                config["config"]["invented_later"] = 1
                content = json.dumps(config)
            new.writestr(name, content)
    with pytest.raises(ValueError, match="invented_later"):
        keras.saving.load_model(path)


@pytest.mark.parametrize("left", ['{"epoch": 1, "batch": 0}', "", '{"ep', None])
def test_a_backup_whose_epoch_was_not_written_resumes_at_that_of_its_weights(tmp_path, images, left):
    """A process that is killed between the two files of BackupAndRestore leaves new weights and an old epoch."""

    def fit(gan, *callbacks):
        gan.fit(images, batch_size=24, epochs=4, shuffle=False, verbose=0, callbacks=[backup, *callbacks])

    whole, killed, resumed = tiny("mnist"), tiny("mnist"), tiny("mnist")
    whole.fit(images, batch_size=24, epochs=4, shuffle=False, verbose=0)
    backup = keras.callbacks.BackupAndRestore(tmp_path)

    class Killed(Exception):
        pass

    def kill(epoch, logs):
        if epoch == 1:
            raise Killed

    with pytest.raises(Killed):
        fit(killed, keras.callbacks.LambdaCallback(on_epoch_end=kill))
    metadata = tmp_path / "training_metadata.json"
    assert json.loads(metadata.read_text())["epoch"] == 2
    metadata.unlink() if left is None else metadata.write_text(left)
    epochs = []
    fit(resumed, keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: epochs.append(epoch)))
    assert epochs == [2, 3]
    assert_identical(resumed, whole)


def test_the_next_training_begins_at_its_own_first_epoch(tmp_path, images):
    gan = tiny()
    gan.save_weights(tmp_path / "latest.weights.h5")
    (tmp_path / "training_metadata.json").write_text('{"epoch": 2, "batch": 0}')
    seen = []
    for callbacks in ([keras.callbacks.BackupAndRestore(tmp_path)], []):
        watch = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: seen.append(epoch))
        gan.fit(images, epochs=3, verbose=0, callbacks=[*callbacks, watch])
    assert seen == [2, 0, 1, 2]


@pytest.mark.once
@pytest.mark.parametrize(
    ("method", "suffix", "name"),
    [
        *(("save", ".keras", name) for name in ("gan.h5", "gan.hdf5", "gan", "gan.pt", "gan.weights.h5")),
        *(("save_weights", ".weights.h5", name) for name in ("gan.h5", "gan.keras", "gan")),
    ],
)
def test_other_formats_are_refused_and_the_old_file_stays(tmp_path, method, suffix, name):
    path = tmp_path / name
    path.write_text("precious")
    with pytest.raises(ValueError, match=f"`filepath` must end in {suffix}"):
        getattr(tiny(), method)(path)
    assert path.read_text() == "precious"


@pytest.mark.once
def test_epochs_trained_counts_every_fit_and_is_saved(tmp_path, images):
    gan = tiny()
    assert gan.epochs_trained == 0
    gan.fit(images, batch_size=8, epochs=2, verbose=0)
    gan.fit(images, batch_size=8, epochs=3, initial_epoch=gan.epochs_trained, verbose=0)
    assert gan.epochs_trained == 3
    gan.save(tmp_path / "gan.keras")
    assert keras.saving.load_model(tmp_path / "gan.keras").epochs_trained == 3


def test_the_hugging_face_hub(tmp_path, monkeypatch, images, capsys):
    """Keras saves to the hub and loads from it; here it is a folder."""

    class Hub:
        def __init__(self, **library):
            pass

        def create_repo(self, name, exist_ok):
            return types.SimpleNamespace(repo_id=name)

        def upload_folder(self, repo_id, folder_path, commit_message):
            shutil.copytree(folder_path, tmp_path / repo_id)

    def snapshot_download(repo_id, **library):
        return str(tmp_path / repo_id)

    fake = types.SimpleNamespace(HfApi=Hub, snapshot_download=snapshot_download)
    monkeypatch.setattr("keras.src.saving.saving_lib.huggingface_hub", fake)
    gan = tiny(ema_momentum=0.9)
    gan.fit(images, verbose=0)
    gan.save("hf://me/gan")
    loaded = keras.saving.load_model("hf://me/gan")
    assert_identical(loaded, gan)
    assert loaded.epochs_trained == 1
    assert cli.main(["info", "hf://me/gan"]) == 0
    assert "image shape    8×8×1" in capsys.readouterr().out


def test_a_model_with_a_frozen_network_can_be_loaded(tmp_path):
    gan = tiny()
    gan.generator.trainable = False
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert not loaded.compiled
    np.testing.assert_array_equal(loaded.generate(2, seed=0), gan.generate(2, seed=0))
