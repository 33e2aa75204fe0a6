"""Examples run as they stand, on little data."""

import csv
import re

import keras
import numpy as np
import pytest
from PIL import Image
from scripts import run, run_killed

import keras_dcgan

pytestmark = pytest.mark.once
TITLE = 32  # pixels for the number of the epoch


def losses(out):
    with (out / "losses.csv").open() as file:
        return {int(row["epoch"]): float(row["loss"]) for row in csv.DictReader(file)}


def frames(path):
    with Image.open(path) as file:
        return file.n_frames


@pytest.fixture
def colourful(tmp_path):
    path = tmp_path / "colourful.npz"
    np.savez(path, x_train=np.random.default_rng(0).integers(0, 256, (48, 32, 32, 3), "uint8"))
    return path


@pytest.mark.parametrize("options", [[], ["--conditional"]])
def test_quickstart(tmp_path, little, options):
    out = tmp_path / "new" / "out"
    output = run("examples/quickstart.py", "--epochs", 2, "--data", little, "--out", out, *options)
    assert "Epoch 2/2" in output
    for name in ("samples.png", "samples.gif", "gan.keras"):
        assert str(out / name) in output
    gan = keras.saving.load_model(out / "gan.keras")
    assert isinstance(gan, keras_dcgan.ConditionalDCGAN) == bool(options)
    with Image.open(out / "samples.png") as sheet:
        assert sheet.size == (2 * (10 * 30 + 2),) * 2
        drawn = np.asarray(sheet)
    np.testing.assert_array_equal(drawn[4:60:2, 4:60:2], gan.generate(100, seed=1)[0, ..., 0])


def test_mnist_lab(tmp_path, little):
    out = tmp_path / "out"
    output = run("examples/mnist_lab.py", "--data", little, "--epochs", 2, "--out", out, "--seed", 3)
    assert "Epoch 2/2" in output
    assert "Total params: 2,330,944" in re.sub(r" \([^)]*\)", "", output)
    with Image.open(out / "real.png") as sheet, np.load(little) as data:
        assert sheet.size == (2 * (5 * 30 + 2),) * 2
        np.testing.assert_array_equal(np.asarray(sheet)[4:60:2, 64:120:2], data["x_train"][1, ..., 0])
    with Image.open(out / "untrained.png") as sheet:
        untrained = keras_dcgan.DCGAN.from_preset("mnist", seed=3).generate(25, seed=3)
        np.testing.assert_array_equal(np.asarray(sheet)[4:60:2, 4:60:2], untrained[0, ..., 0])
    assert [p.name for p in sorted((out / "sheets").iterdir())] == ["epoch_0000.png", "epoch_0002.png"]
    gan = keras.saving.load_model(out / "gan.keras")
    assert gan.optimizer.iterations.numpy() == 2


def test_mnist_keeps_a_checkpoint_every_15_epochs_and_goes_on_from_the_last(tmp_path, little):
    out = tmp_path / "out"
    run("examples/mnist.py", "--data", little, "--epochs", 16, "--out", out)
    assert [p.name for p in sorted(out.glob("*.keras"))] == ["gan-015.keras", "gan-016.keras"]
    whole = losses(out)
    (out / "gan-016.keras").unlink()  # as if killed before the end
    output = run("examples/mnist.py", "--data", little, "--epochs", 17, "--out", out)
    assert re.findall(r"Epoch (\d+)/", output) == ["16", "17"]
    # the one batch in another order under the same dropout masks; a new model would be at 2.08, far from this
    assert losses(out)[15] == pytest.approx(whole[15], rel=0.01)
    assert abs(whole[15] - 2.08) > 0.1
    assert sorted(losses(out)) == list(range(17))
    assert frames(out / "samples.gif") == 18
    assert len(list((out / "sheets").iterdir())) == 18
    assert keras.saving.load_model(out / "gan-017.keras").optimizer.iterations.numpy() == 17


def test_cifar10_killed_resumes_after_the_last_whole_epoch(tmp_path, colourful):
    out = tmp_path / "out"
    options = ("--data", colourful, "--epochs", 6, "--out", out)
    # as the animation gets its frame of epoch 3; that of the untrained generator is the first
    run_killed(("open", "samples.gif", 3), "examples/cifar10.py", *options)
    output = run("examples/cifar10.py", *options)
    assert re.findall(r"Epoch (\d)/6", output) in (list("3456"), list("456"))
    assert sorted(losses(out)) == list(range(6))
    assert frames(out / "samples.gif") == 7
    assert not (out / "backup").exists()
    assert keras.saving.load_model(out / "gan.keras").optimizer.iterations.numpy() == 6
    with Image.open(out / "samples.png") as sheet:
        assert sheet.mode == "RGB"


def test_fashion_mnist_conditional(tmp_path, little):
    out = tmp_path / "out"
    output = run("examples/fashion_mnist_conditional.py", "--data", little, "--epochs", 2, "--out", out)
    assert "Epoch 2/2" in output
    gan = keras.saving.load_model(out / "gan.keras")
    with Image.open(out / "samples.png") as sheet:
        third = np.asarray(sheet)[4:60:2, 4 + 2 * 60 : 60 + 2 * 60 : 2]
    made = gan.generate(labels=np.tile(np.arange(10), 10), seed=0)
    np.testing.assert_array_equal(third, made[2, ..., 0])
    assert frames(out / "samples.gif") == 3
    with Image.open(out / "samples.gif") as animation:
        assert animation.size == (10 * 30 + 2, 10 * 30 + 2 + TITLE)


@pytest.mark.parametrize("options", [[], ["--conditional", "--no-batch-norm"]])
def test_recommended(tmp_path, little, options):
    out = tmp_path / "out"
    given = ("--data", little, "--images", 40, "--epochs", 2, "--filters", 8, "--seed", 3, "--out", out)
    output = run("examples/recommended.py", *given, "--augment", *options)
    assert "40 images" in output
    gan = keras.saving.load_model(out / "gan.keras")
    assert isinstance(gan, keras_dcgan.ConditionalDCGAN) == bool(options)
    assert gan.ema_momentum == 0.999
    first = next(layer for layer in gan.discriminator.layers if isinstance(layer, keras.layers.Conv2D))
    assert first.filters == 8
    norms = [layer for layer in gan.discriminator.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert len(norms) == (0 if options else 1)
    assert isinstance(gan.augmentation, keras_dcgan.augmentation.DiffAugment)
    assert gan.optimizer.iterations.numpy() == 4
    # in the second of two epochs the learning rate is half of the preset's
    np.testing.assert_allclose([gan.g_opt.learning_rate, gan.d_opt.learning_rate], 0.5e-3, rtol=1e-5)
    with Image.open(out / "samples.png") as sheet:
        drawn = np.asarray(sheet)
    labels = {"labels": np.tile(np.arange(10), 10)} if options else {}
    np.testing.assert_array_equal(drawn[4:60:2, 4:60:2], gan.generate(100, seed=3, **labels)[0, ..., 0])
    assert frames(out / "samples.gif") == 3


def test_recommended_takes_another_preset_other_batches_and_several_steps(tmp_path, little):
    given = ("--data", little, "--images", 40, "--epochs", 1, "--batch-size", 10, "--steps-per-execution", 3)
    preset = ("--preset", "recommended_mnist")
    run("examples/recommended.py", *given, *preset, "--out", tmp_path)
    gan = keras.saving.load_model(tmp_path / "gan.keras")
    assert gan.latent_dim == 50  # 100 in recommended_conditional
    assert gan.optimizer.iterations.numpy() == 4
    assert gan.get_compile_config()["steps_per_execution"] == 3


def test_recommended_says_what_labels_are_for(tmp_path, colourful, capsys):
    with pytest.raises(SystemExit, match="2"):
        run("examples/recommended.py", "--data", colourful, "--conditional", "--out", tmp_path / "out")
    errors = capsys.readouterr().err
    assert "--conditional needs labels: put the images into one folder per class" in errors
    assert not (tmp_path / "out").exists()


def test_radford_takes_a_folder_of_images_of_any_size(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "own" / "a").mkdir(parents=True)
    for i, (mode, size) in enumerate([("RGB", (70, 100)), ("RGBA", (64, 64)), ("L", (20, 20)), ("RGB", (300, 80))] * 4):
        pixels = rng.integers(0, 256, (size[1], size[0], len(mode)), "uint8").squeeze()
        Image.fromarray(pixels, mode).save(tmp_path / "own" / "a" / f"{i}.png")
    out = tmp_path / "out"
    options = ("--data", tmp_path / "own", "--width", 1 / 32, "--epochs", 2, "--out", out)
    assert "16 images" in run("examples/radford.py", *options, "--no-scale-and-center")
    gan = keras.saving.load_model(out / "gan.keras")
    assert gan.image_shape == (64, 64, 3)
    assert gan.latent_prior == "uniform"
    norms = [layer for layer in gan.generator.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert len(norms) == 4
    assert not any(norm.scale or norm.center for norm in norms)


@pytest.mark.parametrize(
    ("preset", "options", "side", "policy"),
    [
        ("radford_28", [], 28, "float32"),
        ("radford_28", ["--size", 32, "--dtype-policy", "mixed_bfloat16"], 32, "mixed_bfloat16"),
        ("all_convolutional_28", [], 28, "float32"),
    ],
)
def test_radford_of_small_images(tmp_path, little, preset, options, side, policy):
    out = tmp_path / "out"
    given = ("--data", little, "--preset", preset, "--width", 0.125, "--epochs", 1, "--out", out)
    run("examples/radford.py", *given, *options)
    gan = keras.saving.load_model(out / "gan.keras")
    assert gan.image_shape == (side, side, 1)
    assert gan.generator.layers[-2].dtype_policy.name == policy
    assert frames(out / "samples.gif") == 2
    with Image.open(out / "samples.gif") as animation:
        width = 2 * (4 * (side + 2) + 2)
        assert animation.size == (width, width + TITLE)
    with Image.open(out / "samples.png") as sheet:
        assert sheet.size == (2 * (10 * (side + 2) + 2),) * 2


def test_gone_wrong(tmp_path, little):
    out = tmp_path / "out"
    output = run("examples/gone_wrong.py", "--data", little, "--only", "well", "noise", "--epochs", 1, "--out", out)
    assert {p.name for p in out.iterdir()} == {"well.png", "noise.png"}
    rows = dict(re.findall(r"^\| (\w+) \| ([\d.]+) ", output, re.MULTILINE))
    assert rows.keys() == {"well", "noise"}
    d_losses = [float(loss) for loss in re.findall(r"d_loss: ([\d.]+)", output)]
    assert [float(rows[name]) for name in ("well", "noise")] == pytest.approx(d_losses, abs=0.005)


def test_sigmoid_twice(tmp_path, little):
    out = tmp_path / "out"
    output = run("examples/sigmoid_twice.py", "--data", little, "--epochs", 1, "--out", out)
    assert {p.name for p in out.iterdir()} == {"losses.png", "linear.png", "sigmoid.png", "tanh.png"}
    linear, sigmoid, tanh = (float(loss) for loss in re.findall(r"d_loss: ([\d.]+)", output))
    # σ(0) = 0.5 in place of 0 is what a new discriminator says to everything; tanh(0) = 0
    assert linear == pytest.approx(2 * np.log(2), abs=0.4)
    assert sigmoid == pytest.approx(np.log1p(np.exp(0.5)) + np.log1p(np.exp(-0.5)), abs=0.2)
    assert tanh == pytest.approx(linear, abs=0.2)


def test_plot_losses(tmp_path):
    table = tmp_path / "losses.csv"
    header = "epoch,d_loss,fake_accuracy,g_loss,loss,real_accuracy\n"
    table.write_text(header + "0,1.4,0.5,0.7,2.1,0.5\n1,1.2,0.6,0.8,2.0,0.6\n")
    run("examples/plot_losses.py", table)
    first = np.asarray(Image.open(tmp_path / "losses.png").convert("L"))
    assert (first < 128).any()
    # of an epoch that was trained twice, the later row is drawn
    table.write_text(header + "0,1.4,0.5,0.7,2.1,0.5\n1,9,9,9,9,9\n1,1.2,0.6,0.8,2.0,0.6\n")
    run("examples/plot_losses.py", table, "--out", tmp_path / "again.png")
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "again.png").convert("L")), first)


@pytest.mark.parametrize("data", [None, "little"])
def test_classifier(tmp_path, little, data):
    out = tmp_path / "new" / "classifier.keras"
    options = ["--data", little, "--filters", 4, 8, 8, "--augment"] if data else []
    output = run("examples/classifier.py", "--epochs", 1, "--out", out, *options)
    accuracy, n = re.search(r"([\d.]+)% of (\d+) test images right", output).groups()
    classifier = keras.saving.load_model(out)
    images, labels = (
        keras_dcgan.datasets.load(little, "test") if data else keras_dcgan.datasets.load("fashion_mnist_10k")
    )
    images, labels = images[-int(n) :], labels[-int(n) :]
    assert int(n) == (64 if data else 2000)
    seen = classifier.predict(images, verbose=0).argmax(axis=1)
    assert float(accuracy) / 100 == pytest.approx(np.mean(seen == labels), abs=1e-4)
    assert data or float(accuracy) > 60
    extractor = keras.Model(classifier.inputs, classifier.layers[-2].output)
    assert extractor.output_shape == (None, 128)
