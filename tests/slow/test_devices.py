"""A training on several devices, or in several processes, is that on one: on_devices.py trains."""

import functools
import itertools
import json
import os
import re
import socket
import subprocess
import sys

import numpy as np
import pytest
from conftest import BACKEND
from PIL import Image
from scripts import Program

SCRIPT = "tests/slow/on_devices.py"
TWO_REPLICAS = "tests/slow/two_replicas.py"  # runs a script where MirroredStrategy finds two devices
# (devices, processes)
MANY = {"tensorflow": [(2, 1)], "jax": [(2, 1), (4, 1), (1, 2)], "torch": [(1, 2)]}[BACKEND]
many = pytest.mark.parametrize(("devices", "processes"), MANY)
two = pytest.mark.parametrize(("devices", "processes"), [pair for pair in MANY if 4 not in pair])
processes_alone = pytest.mark.parametrize("processes", sorted({p for _, p in MANY if p > 1}))


def start(tasks, folder, devices=1, processes=1):
    """Starts the processes of some tasks."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={devices}"
    return [
        Program(SCRIPT, ",".join(tasks), folder, devices, processes, i, address, environment={"XLA_FLAGS": flags})
        for i in range(processes)
    ]


def ended(started):
    """`(code, stdout, stderr)` of every process."""
    return [program.end() for program in started]


def run(tasks, folder, devices=1, processes=1):
    """The results of every process, by task."""
    for code, _, errors in ended(start(tasks, folder, devices, processes)):
        assert code == 0, errors
    return {task: [dict(np.load(folder / f"{task}.{i}.npz")) for i in range(processes)] for task in tasks}


def assert_alike(made, expected):
    """Within the tolerance of float32; pixels, which are whole numbers, within 1."""
    assert made.keys() <= expected.keys()
    for name, value in made.items():
        tolerance = 1 if value.dtype == "uint8" else 1e-5
        np.testing.assert_allclose(value.astype("float64"), expected[name], rtol=1e-4, atol=tolerance, err_msg=name)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The results of one device."""
    results = run(["one_training", "to_the_end"], tmp_path_factory.mktemp("alone"))
    return {task: made for task, (made,) in results.items()}


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """The results of several devices, from one start of the processes."""

    @functools.cache
    def results(devices, processes):
        folder = tmp_path_factory.mktemp("together")
        (folder / "images").mkdir()
        for i in range(11):
            Image.fromarray(np.full((2, 2), i, "uint8")).save(folder / "images" / f"{i:02d}.png")
        tasks = ["one_training", "random_numbers"] + (["refusals", "own_files"] if devices < 4 else [])
        return run(tasks, folder, devices, processes)

    return results


@many
def test_weights_and_logs_are_those_of_one_device(alone, together, devices, processes):
    for made in together(devices, processes)["one_training"]:
        assert len(made) >= 2 * (8 if BACKEND == "jax" and (devices, processes) != (2, 1) else 15)
        assert_alike(made, alone["one_training"])


@many
def test_no_two_images_share_latents_or_masks_and_a_seed_gives_the_same_run_also_resumed(together, devices, processes):
    made = together(devices, processes)["random_numbers"]
    for kind in ("latents", "masks"):
        rows = made[0][f"first.{kind}"]
        if BACKEND == "torch":  # elsewhere every process knows all
            rows = np.concatenate([x[f"first.{kind}"] for x in made])
        assert len(rows) == len(np.unique(rows, axis=0)) == 8
    for one in made:
        for run_, kind in itertools.product(("second", "resumed"), ("latents", "masks", "weights")):
            np.testing.assert_array_equal(one[f"{run_}.{kind}"], one[f"first.{kind}"], err_msg=f"{run_} {kind}")
        np.testing.assert_array_equal(one["first.weights"], made[0]["first.weights"])


@two
def test_a_training_that_was_cut_off_goes_on_with_one_device(alone, tmp_path, devices, processes):
    for i in range(processes):
        (tmp_path / f"die_{i}").touch()
    for code, *_ in ended(start(["to_the_end"], tmp_path, devices, processes)):
        assert code != 0
    (tmp_path / "die_0").unlink()
    (made,) = run(["to_the_end"], tmp_path)["to_the_end"]
    assert_alike(made, alone["to_the_end"])


@processes_alone
def test_a_process_that_dies_ends_the_others_and_all_continue_from_the_backup(alone, tmp_path, processes):
    (tmp_path / "die_1").touch()
    assert all(code != 0 for code, *_ in ended(start(["to_the_end"], tmp_path, processes=processes)))
    assert not list(tmp_path.glob("*.npz"))
    (tmp_path / "die_1").unlink()
    told = ended(start(["to_the_end"], tmp_path, processes=processes))
    for i, (code, _, errors) in enumerate(told):
        assert code == 0, errors
        assert_alike(dict(np.load(tmp_path / f"to_the_end.{i}.npz")), alone["to_the_end"])
    # only the first process writes and reports
    assert "Epoch 4/4" in told[0][1]
    assert sorted(path.name for path in (tmp_path / "files_0").iterdir()) == ["gan.keras", "samples.gif"]
    for i in range(1, processes):
        assert re.sub(r"\[Gloo\].*\n", "", told[i][1]) == ""
        assert not list((tmp_path / f"files_{i}").glob("*"))


@two
def test_what_cannot_be_shared_evenly_is_refused(together, devices, processes):
    for made in together(devices, processes)["refusals"]:
        said = {name.removesuffix(".said"): str(text) for name, text in made.items() if name.endswith(".said")}
        if processes > 1 and BACKEND == "jax":
            assert said.pop("undistributed").endswith("Received: 2 processes, no distribution")
        assert len(said) >= 3
        for name, text in said.items():
            if processes > 1:
                assert text.startswith("All processes"), name
                assert text.endswith(
                    "Received: [[6, 4], [5, 4]], per process the images and the batch size, or the batches and 0"
                )
            else:
                received = "11" if name in ("fit", "validation", "evaluate") else "a batch of 7"
                assert f"divisible by {devices}, the number of devices times `discriminator_steps`" in text, name
                assert text.endswith(f"Received: {received} images"), name
        assert made["change.most"] == 0


@two
def test_processes_read_their_own_files(together, devices, processes):
    made = together(devices, processes)["own_files"]
    for epoch in (0, 1):
        read = np.concatenate([x[f"epoch_{epoch}.pixels"] for x in made])
        assert len(read) == len(set(read)) == {1: 10, 2: 8}[processes]
    assert (made[0]["epoch_0.pixels"] != made[0]["epoch_1.pixels"]).any()


@pytest.mark.once
def test_several_machines_are_refused_on_tensorflow(tmp_path):
    code = """
import numpy as np, tensorflow as tf, keras_dcgan
with tf.distribute.MultiWorkerMirroredStrategy().scope():
    gan = keras_dcgan.DCGAN.from_preset("radford_28", image_shape=(8, 8, 1), width=1 / 32)
    gan.compile()
gan.fit(np.zeros((8, 8, 8, 1), "uint8"), batch_size=8)
"""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        config = {"cluster": {"worker": [f"127.0.0.1:{free.getsockname()[1]}"]}, "task": {"type": "worker", "index": 0}}
    environment = os.environ | {"TF_CONFIG": json.dumps(config)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert "ValueError: Keras 3 does not train on several machines with TensorFlow" in done.stderr
    assert "keras.distribution.initialize()" in done.stderr


def test_the_example(tmp_path, little):
    """On TensorFlow with two replicas, elsewhere in two processes, which end with one file."""
    script = "examples/many_devices.py"
    options = ["--data", little, "--batch-size", "32", "--epochs", "1", "--out", tmp_path / "out"]
    count = 1 if BACKEND == "tensorflow" else 2
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        options += ["--address", f"127.0.0.1:{free.getsockname()[1]}", "--processes", count]
    program = [TWO_REPLICAS, script] if BACKEND == "tensorflow" else [script]
    started = [Program(*program, *options, "--process", i) for i in range(count)]
    for code, _, errors in ended(started):
        assert code == 0, errors
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["gan.keras", "samples.gif"]
