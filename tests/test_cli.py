"""The command line: what it writes, how it resumes, and the input it refuses."""

import csv
import importlib.util
import json
import re

import keras
import numpy as np
import pytest
from conftest import assert_identical, tiny
from PIL import Image

import keras_dcgan
from keras_dcgan import backend, cli

pytestmark = pytest.mark.once


@pytest.fixture
def photos(tmp_path):
    """Two class folders with spaces in their names, images in seven modes three levels deep, and what is skipped."""
    rng = np.random.default_rng(0)
    for i in range(28):
        folder = tmp_path / "photos" / ("yellow star", "full moon")[i % 2] / str(i % 3) / "deep"
        folder.mkdir(parents=True, exist_ok=True)
        mode = ("RGB", "RGBA", "P", "L", "CMYK", "LA", "1")[i % 7]
        image = Image.fromarray(rng.integers(0, 256, (9, 9 + i % 3, 3), "uint8")).convert(mode)
        image.save(folder / f"{i}.{'tif' if mode == 'CMYK' else 'png'}")
    (tmp_path / "photos" / "full moon" / "broken.png").write_bytes(b"no image")
    (tmp_path / "photos" / "no class").mkdir()
    return tmp_path / "photos"


@pytest.fixture
def npz(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (24, 8, 8, 1), "uint8")
    np.savez(tmp_path / "set.npz", x_train=images, y_train=np.arange(24) % 3, x_test=images, y_test=np.arange(24) % 3)
    return tmp_path / "set.npz"


def pixels(path):
    with Image.open(path) as file:
        return np.asarray(file)


def run(*arguments):
    return cli.main([str(argument) for argument in arguments])


@pytest.mark.filterwarnings("default:Not all of:UserWarning")
def test_from_a_folder_to_samples_by_name(photos, tmp_path, capsys):
    out = tmp_path / "runs" / "photos"
    assert run("train", photos, "--size", "8x8", "--out", out, "--epochs", 2, "--augment") == 0
    said = capsys.readouterr()
    assert "1 (no class)" in said.err
    assert "broken.png" in said.err
    assert said.out.splitlines()[1].startswith("epoch 2/2  g_loss ")
    assert said.out.splitlines()[-1] == f"Next: keras-dcgan generate {out} -n 100 --out {out}/samples"
    names = ["gan.keras", "log.csv", "recipe.json", "samples.gif", "samples.png"]
    assert sorted(path.name for path in out.iterdir()) == names
    with Image.open(out / "samples.gif") as file:
        assert file.n_frames == 3
    gan = keras.saving.load_model(out / "gan.keras")
    assert gan.class_names == ["full moon", "yellow star"]
    assert gan.epochs_trained == 2
    assert gan.augmentation is not None

    assert run("generate", out, "-n", 3, "--class", "yellow star", "--seed", 1, "--out", tmp_path / "made") == 0
    files = sorted((tmp_path / "made").glob("*/*"))
    assert [path.parent.name for path in files] == ["yellow star"] * 3
    expected = gan.generate(3, labels=1, seed=1)
    np.testing.assert_array_equal([pixels(path) for path in files], expected)
    assert run("generate", out, "-n", 4, "--out", tmp_path / "sheet.png") == 0
    assert pixels(tmp_path / "sheet.png").shape[1] == 12 * (2 * (8 + 2) + 2)  # one column per class
    assert run("interpolate", out, "-n", 2, "--class", "full moon", "--out", tmp_path / "walk.gif") == 0
    with Image.open(tmp_path / "walk.gif") as file:
        assert file.n_frames == 30
    capsys.readouterr()
    assert run("info", out) == 0
    said = capsys.readouterr().out
    for text in ("recommended_conditional", "ConditionalDCGAN", "8×8×3", "full moon, yellow star"):
        assert text in said


def test_info_names_the_loss_of_compile_not_that_of_the_recipe(tmp_path, capsys):
    gan = tiny()
    gan.compile(loss="hinge")
    gan.save(tmp_path / "gan.keras")
    assert run("info", tmp_path / "gan.keras") == 0
    assert "loss           Hinge" in capsys.readouterr().out


# CSVLogger leaves its file to the garbage collector if training ends with an error
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore:unclosed file:ResourceWarning")
@pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError])
def test_the_same_command_resumes(npz, tmp_path, monkeypatch, capsys, stop):
    command = ("train", npz, "--epochs", 3, "--batch-size", 8)
    assert run(*command, "--out", tmp_path / "whole") == 0

    def end(self, epoch, logs=None):
        if epoch == 1:
            raise stop  # after the row of the log and the frame, before the model is saved

    with monkeypatch.context() as patch:
        patch.setattr(keras.callbacks.TerminateOnNaN, "on_epoch_end", end, raising=False)
        assert run(*command, "--out", tmp_path / "run") == (130 if stop is KeyboardInterrupt else 2)
    capsys.readouterr()
    assert run(*command, "--out", tmp_path / "run") == 0
    assert "Resuming after epoch 1." in capsys.readouterr().out
    whole, resumed = (keras.saving.load_model(tmp_path / name / "gan.keras") for name in ("whole", "run"))
    assert_identical(resumed, whole)
    for name in ("samples.gif", "samples.png", "log.csv"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def test_more_epochs_continue_and_fewer_change_nothing(npz, tmp_path, capsys):
    command = ("train", npz, "--out", tmp_path / "run", "--unconditional")
    for epochs in (1, 3, 2):
        assert run(*command, "--epochs", epochs) == 0
    assert "Already trained for 3 epochs." in capsys.readouterr().out
    assert keras.saving.load_model(tmp_path / "run" / "gan.keras").epochs_trained == 3
    with open(tmp_path / "run" / "log.csv", newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1", "2"]


@pytest.mark.parametrize("text", ["", "epoch,loss\n", "epoch,loss\n0,0.5\n1,0.25\n"])
def test_the_log_ends_with_the_model(tmp_path, text):
    path = tmp_path / "log.csv"
    path.write_text(text)
    cli._trim_log(path, 1)
    assert path.read_text().splitlines() == text.splitlines()[:2]


def test_auto_chooses_the_precision_by_the_hardware_once(npz, tmp_path, monkeypatch):
    def dtype(out, mixed_precision):
        policy = keras.config.dtype_policy()
        try:
            assert run("train", npz, "--out", out, "--epochs", 1, "--mixed-precision", mixed_precision) == 0
        finally:
            keras.config.set_dtype_policy(policy)
        return json.loads((out / "recipe.json").read_text())["settings"]["dtype"]

    for fast, expected in ((True, "mixed_bfloat16"), (False, "float32")):
        monkeypatch.setattr(backend, "has_fast_bfloat16", lambda fast=fast: fast)
        assert dtype(tmp_path / expected, "auto") == expected
        assert dtype(tmp_path / "mixed_bfloat16", "auto") == "mixed_bfloat16"  # the folder of an earlier run
    assert dtype(tmp_path / "yes", "yes") == "mixed_bfloat16"


def test_other_settings_are_refused_and_named(npz, tmp_path, capsys):
    out = tmp_path / "run"
    assert run("train", npz, "--out", out, "--epochs", 1) == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    capsys.readouterr()
    assert run("train", npz, "--out", out, "--epochs", 1, "--seed", 5, "--size", 16) == 2
    said = capsys.readouterr().err
    assert "seed 0 → 5" in said
    assert "image_shape [8, 8, 1] → [16, 16, 1]" in said
    assert len(said.splitlines()) == 1
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "no/where", "--out", "a"), "`source` does not exist"),
        (("train", "{npz}", "--out", "a", "--preset", "nothing"), "`name` must be one of the presets"),
        (("train", "{npz}", "--out", "a", "--preset", "mnist"), "takes no labels: add --unconditional"),
        (("train", "{npz}", "--out", "a", "--unconditional", "--preset", "radford_28_conditional"), "one folder per"),
        (("train", "{npz}", "--out", "{folder}"), "--out must be a new or empty folder"),
        (("train", "{npz}", "--out", "{npz}"), "--out must be a new or empty folder"),
        (("generate", "{folder}", "--out", "x"), "MODEL must be a .keras file"),
        (("info", "{npz}"), "MODEL must be a .keras file"),
        (("info", "{broken}"), "it is damaged"),
        (("train", "{npz}", "--out", "a", "--backend", "torch"), "--backend torch is not installed"),
        (("train", "{npz}", "--out", "{junk}"), "This file is damaged: choose another folder"),
        (("train", "{npz}", "--out", "{emptied}", "--epochs", "2"), "gan.keras is missing"),
        (("generate", "{model}", "--out", "{folder}"), "`folder` must be empty"),
        (("generate", "{model}", "--class", "earth", "--out", "x"), "star, moon, sun"),
        (("generate", "{model}", "--class", "3", "--out", "x"), "must be integers in"),
        (("export", "{model}", "a.pb"), "`filepath` must end in .onnx"),
        (("evaluate", "{model}", "--data", "{npz}", "--split", "none"), "`split` must be one of"),
    ],
)
def test_one_line_and_exit_code_2(npz, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("of value")
    tiny("radford_28_conditional", class_names=["star", "moon", "sun"]).save("gan.keras")
    (tmp_path / "broken.keras").write_bytes((tmp_path / "gan.keras").read_bytes()[:1000])
    (tmp_path / "junk").mkdir()
    (tmp_path / "junk" / "recipe.json").write_text("no JSON")
    if "{emptied}" in arguments:
        assert run("train", npz, "--out", tmp_path / "emptied", "--epochs", 2) == 0
        (tmp_path / "emptied" / "gan.keras").unlink()
    if "--backend" in arguments:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    paths = {name: tmp_path / name for name in ("folder", "junk", "emptied")}
    paths |= {"npz": npz, "model": tmp_path / "gan.keras", "broken": tmp_path / "broken.keras"}
    capsys.readouterr()
    assert run(*(argument.format(**paths) for argument in arguments)) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert said.startswith("keras-dcgan: error: ")
    assert message in said
    assert (tmp_path / "folder" / "file").read_text() == "of value"
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    "arguments", [("train", "x"), ("train", "x", "--out", "y", "--size", "9999"), ("nothing",), ()]
)
def test_misused_options(arguments, capsys):
    with pytest.raises(SystemExit) as error:
        run(*arguments)
    assert error.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.match(r"keras-dcgan( train)?: error: .*--help shows all options", line)


def test_evaluate_and_recipe(npz, tmp_path, capsys):
    assert run("train", npz, "--out", tmp_path / "run", "--epochs", 1, "--batch-size", 12) == 0
    recipe = json.loads((tmp_path / "run" / "recipe.json").read_text())
    assert recipe["settings"]["batch_size"] == 12
    assert recipe["recipe"]["update"] == "simultaneous"
    capsys.readouterr()
    assert run("evaluate", tmp_path / "run", "--data", npz) == 0
    values = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert values.keys() == {"loss", "g_loss", "d_loss", "real_accuracy", "fake_accuracy"}
    assert float(values["loss"]) == pytest.approx(float(values["g_loss"]) + float(values["d_loss"]), abs=2e-4)


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit):
        run("--help")
    said = capsys.readouterr().out
    for name in ("train", "generate", "interpolate", "export", "evaluate", "app", "info"):
        assert f"\n    {name}" in said


def test_evaluate_knows_classes_by_name(tmp_path, capsys):
    """A folder that lacks a class has other numbers for the rest."""
    gan = tiny("radford_28_conditional", class_names=["moon", "star", "sun"])
    gan.save(tmp_path / "gan.keras")
    rng = np.random.default_rng(0)
    for name in ("star", "sun"):
        (tmp_path / "held_out" / name).mkdir(parents=True)
        for i in range(4):
            pixels = rng.integers(0, 256, (8, 8), "uint8")
            Image.fromarray(pixels).save(tmp_path / "held_out" / name / f"{i}.png")
    assert run("evaluate", tmp_path / "gan.keras", "--data", tmp_path / "held_out", "--split", "train") == 0
    values = dict(line.split() for line in capsys.readouterr().out.splitlines())
    images, labels = keras_dcgan.datasets.load(tmp_path / "held_out")
    expected = gan.evaluate(images, labels + 1, verbose=0, return_dict=True)
    assert float(values["d_loss"]) == pytest.approx(expected["d_loss"], abs=1e-4)


def test_evaluate_compares_samples_by_an_extractor(npz, tmp_path, capsys):
    assert run("train", npz, "--out", tmp_path / "run", "--epochs", 1) == 0
    x = keras.Input((8, 8, 1))
    keras.Model(x, keras.layers.Dense(3)(keras.layers.Flatten()(x))).save(tmp_path / "extractor.keras")
    capsys.readouterr()
    extractor, out = f"keras={tmp_path / 'extractor.keras'}", tmp_path / "metrics.json"
    command = ("evaluate", tmp_path / "run", "--data", npz, "--extractor", extractor, "-n", 30)
    assert run(*command, "--metrics", "fid", "kid", "--out", out) == 0
    printed = dict(line.split() for line in capsys.readouterr().out.splitlines()[:-1])
    stored = json.loads(out.read_text())
    assert printed == {name: f"{stored[name]:.4f}" for name in ("fid", "kid", "kid_standard_error")}
    assert (stored["num_images"], stored["seed"]) == (30, 0)
    assert run(*command[:-4], "--extractor", "keras=nowhere") == 2
    assert "--extractor must be inception=PATH or keras=PATH" in capsys.readouterr().err
