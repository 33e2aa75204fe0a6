"""A training that is killed again and again ends as one that never was: real processes, real SIGKILL."""

import json
import os
import signal
import subprocess
import sys
import time
import zipfile

import keras
import numpy as np
import pytest
from conftest import BACKEND, assert_identical, weights
from PIL import Image

from keras_dcgan import images, saving

EPOCHS = 10

# the training of a user, but for the hook, which kills the process as it is about to touch a certain file
CHILD = """
import os
import signal
import sys

import keras
import numpy as np

import keras_dcgan

folder, preset, update, epochs, event, name, occurrence = sys.argv[1:]
left = int(occurrence)

def hook(happened, arguments):
    global left
    if happened != event or arguments[1:2] in [("r",), ("rb",)]:
        return
    if any(str(argument).endswith(name) for argument in arguments[:2]):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(hook)
rng = np.random.default_rng(0)
parts = [rng.integers(0, 256, (24, 8, 8, 1), "uint8"), np.arange(24) % 3]
sizes = {"image_shape": (8, 8, 1), "latent_dim": 4, "width": 1 / 32, "seed": 0}
if "conditional" in preset:
    gan = keras_dcgan.ConditionalDCGAN.from_preset(preset, num_classes=3, **sizes)
else:
    gan = keras_dcgan.DCGAN.from_preset(preset, **sizes)
    del parts[1]
gan.compile(update=update)
step = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: print("step", flush=True))
backup = keras.callbacks.BackupAndRestore(f"{folder}/backup")
checkpoint = keras.callbacks.ModelCheckpoint(f"{folder}/gan.keras")
film = keras_dcgan.callbacks.GifSnapshot(f"{folder}/film.gif", num_images=4)
gan.fit(*parts, batch_size=8, epochs=int(epochs), shuffle=False, verbose=0, callbacks=[step, backup, checkpoint, film])
gan.save(f"{folder}/end.keras")
"""

# an audit event, the end of a file's name, and which of such events in the life of the process. At the end of every
# epoch are written, in this order: weights of the backup, the epoch they belong to, the checkpoint, the film
MOMENTS = [
    ("tempfile.mkstemp", ".h5", 2),  # weights: before the first byte
    ("os.rename", "latest.weights.h5", 1),  # written aside, not yet moved into place
    ("open", "training_metadata.json", 2),  # new weights, old epoch
    ("os.rename", "gan.keras", 1),
    ("os.rename", "film.gif", 2),
]


def start(folder, preset, update, event="none", name="", occurrence=0):
    command = [sys.executable, "-c", CHILD, str(folder), preset, update, str(EPOCHS), event, name, str(occurrence)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"KERAS_BACKEND": BACKEND})


def files_are_whole(folder):
    """Whatever has its final name can be read, checksums and all."""
    names = {path.name for path in folder.rglob("*") if not path.name.startswith(".")}
    if "film.gif" in names:
        with Image.open(folder / "film.gif") as film:
            for i in range(film.n_frames):
                film.seek(i)
                film.load()
    if "gan.keras" in names:
        with zipfile.ZipFile(folder / "gan.keras") as archive:
            assert archive.testzip() is None
    if "latest.weights.h5" in names:
        saving._check_file(folder / "backup" / "latest.weights.h5")
    if "training_metadata.json" in names:
        json.loads((folder / "backup" / "training_metadata.json").read_text())
    return names


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize(
    ("preset", "update", "moments"),
    [
        ("mnist", "simultaneous", MOMENTS),
        pytest.param(
            "fashion_mnist_conditional",
            "alternating",
            MOMENTS[2:3],
            marks=pytest.mark.skipif(BACKEND != "tensorflow", reason="once more, for what is saved alike everywhere"),
        ),
    ],
)
def test_a_run_that_is_killed_ends_as_one_that_is_not(tmp_path, preset, update, moments):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    with start(whole, preset, update) as undisturbed:
        for moment in moments:
            with start(killed, preset, update, *moment) as child:
                child.communicate(timeout=300)
            assert child.returncode == -signal.SIGKILL, moment
            files_are_whole(killed)
        rng = np.random.default_rng(len(moments))
        for _ in range(2):  # during a step, or a little later
            with start(killed, preset, update) as child:
                assert child.stdout.readline() == "step\n"
                time.sleep(rng.uniform(0, 0.1))
                child.kill()
                child.communicate(timeout=300)
            assert child.returncode == -signal.SIGKILL
            files_are_whole(killed)
        with start(killed, preset, update) as last:
            last.communicate(timeout=300)
        undisturbed.communicate(timeout=300)
    assert last.returncode == undisturbed.returncode == 0
    assert {"film.gif", "gan.keras", "end.keras"} == files_are_whole(killed) - {"backup"}
    expected = keras.saving.load_model(whole / "end.keras")
    assert_identical(keras.saving.load_model(killed / "end.keras"), expected)
    assert expected.optimizer.iterations.numpy() == 3 * EPOCHS
    for a, b in zip(weights(keras.saving.load_model(killed / "gan.keras")), weights(expected), strict=True):
        np.testing.assert_array_equal(a, b)
    films = [images.load_animation(folder / "film.gif", EPOCHS + 1, duration=200) for folder in (whole, killed)]
    assert [len(film) for film in films] == [EPOCHS + 1] * 2
    for ours, theirs in zip(*films, strict=True):
        np.testing.assert_array_equal(np.asarray(ours.convert("RGB")), np.asarray(theirs.convert("RGB")))
