"""A training that is killed again and again ends like one that never was: real processes, real SIGKILL."""

import json
import signal
import zipfile

import keras
import numpy as np
import pytest
from conftest import assert_identical, weights
from PIL import Image
from scripts import Program, run_killed

from keras_dcgan.training import checkpoints

SCRIPT = "tests/slow/train.py"
EPOCHS = 10
# an audit event, the end of a file's name, and which of these events in the life of the process. At the end of every
# epoch these are written, in this order: weights of the backup, their epoch, the checkpoint, the animation
MOMENTS = [
    ("shutil.copyfile", ".h5", 2),  # weights: before the first byte
    ("os.rename", "latest.weights.h5", 1),  # written to a temporary name, not yet moved into place
    ("open", "training_metadata.json", 2),  # new weights, old epoch
    ("os.rename", "gan.keras", 1),
    ("open", "samples.gif", 2),
    ("train", "step", 5),  # in the middle of an epoch
]


def assert_files_are_whole(folder):
    """Every file under its final name can be read, checksums included; returns the names."""
    names = {path.name for path in folder.rglob("*") if not path.name.startswith(".")}
    if "samples.gif" in names:
        with Image.open(folder / "samples.gif") as file:
            for i in range(file.n_frames):
                file.seek(i)
                file.load()
    if "gan.keras" in names:
        with zipfile.ZipFile(folder / "gan.keras") as archive:
            assert archive.testzip() is None
    if "latest.weights.h5" in names:
        checkpoints._check_file(folder / "backup" / "latest.weights.h5")
    if "training_metadata.json" in names:
        json.loads((folder / "backup" / "training_metadata.json").read_text())
    return names


@pytest.mark.once
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_run_that_is_killed_ends_like_one_that_is_not(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    undisturbed = Program(SCRIPT, whole, EPOCHS)
    for moment in MOMENTS:
        run_killed(moment, SCRIPT, killed, EPOCHS)
        assert_files_are_whole(killed)
    for program in (Program(SCRIPT, killed, EPOCHS), undisturbed):
        code, _, errors = program.end()
        assert code == 0, errors
    assert assert_files_are_whole(killed) - {"backup"} == {"samples.gif", "gan.keras", "end.keras"}
    expected = keras.saving.load_model(whole / "end.keras")
    assert_identical(keras.saving.load_model(killed / "end.keras"), expected)
    assert expected.optimizer.iterations.numpy() == 3 * EPOCHS
    for a, b in zip(weights(keras.saving.load_model(killed / "gan.keras")), weights(expected), strict=True):
        np.testing.assert_array_equal(a, b)
    assert (killed / "samples.gif").read_bytes() == (whole / "samples.gif").read_bytes()
    with Image.open(whole / "samples.gif") as file:
        assert file.n_frames == EPOCHS + 1


@pytest.mark.once
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize(
    "moment", [("os.rename", "gan.keras", 2), ("open", "samples.gif", 2), ("os.rename", "gan.keras", 1)]
)
def test_the_command_train_resumes_after_a_kill(tmp_path, moment):
    pixels = np.random.default_rng(0).integers(0, 256, (24, 8, 8, 1), "uint8")
    np.savez(tmp_path / "set.npz", x_train=pixels, y_train=np.arange(24) % 3)
    command = ("keras_dcgan/__main__.py", "train", tmp_path / "set.npz", "--epochs", 3, "--batch-size", 8, "--out")
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    undisturbed = Program(*command, whole)
    run_killed(moment, *command, killed)
    assert_files_are_whole(killed)
    for program in (Program(*command, killed), undisturbed):
        code, _, errors = program.end()
        assert code == 0, errors
    ours, expected = (keras.saving.load_model(folder / "gan.keras") for folder in (killed, whole))
    assert_identical(ours, expected)
    for name in ("log.csv", "samples.png", "samples.gif"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes(), name
