"""The benchmarks of quality: their figures against plain computations, on little data."""

import importlib
import json
import re
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from PIL import Image
from scripts import ROOT, run

import keras_dcgan
from keras_dcgan import metrics

pytestmark = pytest.mark.once
FOLDER = "benchmarks/quality"


@pytest.fixture
def model(tmp_path):
    """A conditional model that was not trained, and where it is saved."""
    gan = keras_dcgan.ConditionalDCGAN.from_preset("radford_28_conditional", num_classes=10, width=1 / 32, seed=0)
    gan.save(tmp_path / "gan.keras")
    return gan, tmp_path / "gan.keras"


@pytest.fixture
def classifier(tmp_path):
    """A linear classifier with random weights, and where it is saved."""
    network = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Flatten(),
            keras.layers.Dense(6, kernel_initializer=keras.initializers.GlorotUniform(1)),
            keras.layers.Dense(10, kernel_initializer=keras.initializers.GlorotUniform(2)),
        ]
    )
    network.save(tmp_path / "classifier.keras")
    return network, tmp_path / "classifier.keras"


def rows(script, tmp_path, *options):
    """The rows of the JSON file, after a look at the table."""
    out = tmp_path / "new" / "results.json"
    table = run(f"{FOLDER}/{script}", *options, "--out", out)
    content = json.loads(out.read_text())
    assert content["script"] == script
    assert len(re.findall(r"^\| .* \|$", table, re.MULTILINE)) == 2 + len(content["rows"])
    return content["rows"]


def samples(gan, n):
    """Samples of each class in turn, and their labels."""
    asked = np.arange(n) % 10
    latents = keras.ops.convert_to_numpy(gan.sample_latents(n, seed=0))
    return gan.generate(latents=latents, labels=asked), asked


def test_nearest_neighbour(tmp_path, little, model):
    gan, path = model
    real, made = rows("nearest_neighbour.py", tmp_path, little, path, "--samples", 50)
    x, y = keras_dcgan.datasets.load(little)
    x_test, y_test = keras_dcgan.datasets.load(little, "test")

    def error(x, y):
        distances = ((x_test[:, None].astype(int) - x[None]) ** 2).sum(axis=(2, 3, 4))
        return np.mean(y[distances.argmin(axis=1)] != y_test)

    assert real["samples"] == made["samples"] == 50
    assert real["error"] == pytest.approx(error(x[:50], y[:50]))
    assert made["error"] == pytest.approx(error(*samples(gan, 50)))


def test_stacked_mnist_writes_images_to_train_on(tmp_path, little):
    path = tmp_path / "stacked.npz"
    run(f"{FOLDER}/stacked_mnist.py", little, "--write", path)
    images, modes = keras_dcgan.datasets.load(path)
    assert images.shape == (60_000, 28, 28, 3)
    x, y = keras_dcgan.datasets.load(little)
    labels = {image.tobytes(): label for image, label in zip(x, y, strict=True)}
    for image, mode in zip(images[:200], modes[:200], strict=True):
        assert [labels[image[..., i].tobytes()] for i in range(3)] == [mode // 100, mode // 10 % 10, mode % 10]


def test_stacked_mnist(tmp_path, little, classifier):
    network, classifier_path = classifier
    gan = keras_dcgan.DCGAN.from_preset("radford_28", image_shape=(28, 28, 3), width=1 / 32, seed=0)
    gan.save(tmp_path / "gan.keras")
    options = ("--classifier", classifier_path, "--samples", 300)
    real, made = rows("stacked_mnist.py", tmp_path, little, tmp_path / "gan.keras", *options)
    images = gan.generate(300, seed=0)
    digits = [network.predict(images[..., i : i + 1], verbose=0).argmax(axis=1) for i in range(3)]
    triples = list(zip(*digits, strict=True))
    _, y = keras_dcgan.datasets.load(little)
    frequency = [np.mean(y == i) for i in range(10)]
    assert made["modes"] == len(set(triples)) < real["modes"] <= 300
    divergence = sum(
        triples.count(t) / 300 * np.log(triples.count(t) / 300 / np.prod([frequency[i] for i in t]))
        for t in set(triples)
    )
    assert made["divergence"] == pytest.approx(divergence)


def test_classification_accuracy(tmp_path, little, model):
    gan, path = model
    real, made = rows("classification_accuracy.py", tmp_path, little, path, "--samples", 64, "--epochs", 1)
    assert real["samples"] == made["samples"] == 64
    x_test, y_test = keras_dcgan.datasets.load(little, "test")
    images, asked = samples(gan, 64)
    np.savez(tmp_path / "made.npz", x_train=images, y_train=asked, x_test=x_test, y_test=y_test)
    options = ("--data", tmp_path / "made.npz", "--epochs", 1, "--out", tmp_path / "c.keras")
    output = run("examples/classifier.py", *options)
    assert f"{made['accuracy']:.2%} of 64 test images right" in output


def test_distances(tmp_path, little, model, classifier):
    gan, path = model
    path = path.rename(tmp_path / "gan-007.keras")
    network, classifier_path = classifier
    options = ("--classifier", classifier_path, "--samples", 60, "--plot", tmp_path / "new" / "curves.png")
    test, made = rows("distances.py", tmp_path, little, path, *options)
    train, _ = rows("distances.py", tmp_path, little, path, *options[:4], "--split", "test")
    hidden = keras.Model(network.inputs, network.layers[-2].output)

    def features(images):
        return hidden.predict(images[:60], verbose=0)

    x, x_test = (features(keras_dcgan.datasets.load(little, split)[0]) for split in ("train", "test"))
    for row, given in ((test, x_test), (made, features(samples(gan, 60)[0]))):
        assert row["frechet_distance"] == pytest.approx(metrics.frechet_distance(x, given), rel=1e-4)
        assert row["kernel_distance"] == pytest.approx(metrics.kernel_distance(x, given)[0], rel=1e-4)
        assert (row["precision"], row["recall"]) == pytest.approx(metrics.precision_recall(x, given), abs=0.02)
        assert (row["density"], row["coverage"]) == pytest.approx(metrics.density_coverage(x, given), abs=0.02)
    assert train["frechet_distance"] == pytest.approx(test["frechet_distance"], rel=1e-4)
    assert train["precision"] == pytest.approx(test["recall"], abs=0.02)
    assert (tmp_path / "new" / "curves.png").stat().st_size > 5000


def test_class_shares(tmp_path, little, model, classifier):
    gan, path = model
    network, classifier_path = classifier
    options = ("--samples", 200, "--classifier", classifier_path)
    real, right, share = rows("class_shares.py", tmp_path, little, path, *options)
    images, asked = samples(gan, 200)
    seen = network.predict(images, verbose=0).argmax(axis=1)
    x_test, y_test = keras_dcgan.datasets.load(little, "test")
    assert real["all"] == pytest.approx(np.mean(network.predict(x_test, verbose=0).argmax(axis=1) == y_test))
    assert right["all"] == pytest.approx(np.mean(seen == asked))
    for i in range(10):
        assert share[str(i)] == pytest.approx(np.mean(seen == i))
        assert right[str(i)] == pytest.approx(np.mean(seen[asked == i] == i))


def test_a_model_without_labels_is_refused_where_labels_are_asked_for(tmp_path, little):
    keras_dcgan.DCGAN.from_preset("radford_28", width=1 / 32).save(tmp_path / "plain.keras")
    with pytest.raises(SystemExit, match="holds an unconditional model"):
        run(f"{FOLDER}/nearest_neighbour.py", little, tmp_path / "plain.keras")


@pytest.mark.parametrize("momentum", [None, 0.9])
def test_half_precision_of_the_generator_that_makes_the_images(tmp_path, momentum):
    gan, other = (
        keras_dcgan.ConditionalDCGAN.from_preset(
            "radford_28_conditional", num_classes=10, width=1 / 32, seed=s, ema_momentum=momentum
        )
        for s in (0, 1)
    )
    if momentum is not None:
        gan.ema_generator.set_weights(other.generator.get_weights())
    gan.save(tmp_path / "gan.keras")
    out = tmp_path / "gan.npz"
    printed = run(f"{FOLDER}/half_precision.py", tmp_path / "gan.keras", out, "--samples", 20)
    expected = [w.astype("float16") for w in (gan if momentum is None else other).generator.get_weights()]
    with np.load(out) as file:
        for name, weights in zip(file.files, expected, strict=True):
            assert file[name].dtype == "float16"
            np.testing.assert_array_equal(file[name], weights)
    asked = {"labels": np.arange(20) % 10, "seed": 0}
    full = gan.generate(20, **asked).astype(int)
    (gan.ema_generator or gan.generator).set_weights(expected)
    difference = np.abs(full - gan.generate(20, **asked))
    assert f"differ by {difference.mean():.3f} on average and {difference.max()} at the most" in printed


METHOD = """
import keras

import keras_dcgan


def make(image_shape, class_names, seed):
    gan = keras_dcgan.DCGAN.from_preset("radford_28", image_shape=image_shape, width=1 / 32, seed=seed)
    gan.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3), "hinge")
    return gan


def other(image_shape, class_names, seed):
    options = {"image_shape": image_shape, "class_names": class_names, "width": 1 / 32, "seed": seed}
    gan = keras_dcgan.ConditionalDCGAN.from_preset("radford_28_conditional", **options)
    gan.compile(discriminator_steps=2)
    return gan
"""


def test_leaderboard(tmp_path, little, classifier, monkeypatch):
    (tmp_path / "my_methods.py").write_text(METHOD)
    monkeypatch.chdir(tmp_path)
    network, _ = classifier
    extractor = keras.Model(network.inputs, network.layers[-2].output)
    extractor.save(tmp_path / "extractor.keras")
    folder = tmp_path / "board"
    command = [f"{FOLDER}/leaderboard.py", little, "my_methods:make", "my_methods:other"]
    command += ["--extractor", "keras=extractor.keras", "--samples", 50, "--batch-size", 16, "--speed-seconds", 0.01]
    run(*command, "--images-seen", 96, "--folder", folder, "--seeds", 0)
    real, *first = json.loads((folder / "results.json").read_text())
    x, y = (extractor.predict(keras_dcgan.datasets.load(little, split)[0], verbose=0) for split in ("train", "test"))
    assert real["fid"] == pytest.approx(metrics.frechet_distance(y, x[:50]), rel=1e-4)
    assert [(row["method"], row["seed"]) for row in first] == [("my_methods:make", 0), ("my_methods:other", 0)]
    assert [row["images_seen"] for row in first] == [96, 96]
    gan = keras.saving.load_model(folder / "my_methods.make-0.keras")
    assert int(gan.optimizer.iterations.numpy()) == 6
    assert gan.loss.get_config() == keras_dcgan.losses.get("hinge").get_config()
    # more seeds: the first is not trained again, and one that was killed continues after its last epoch
    before = (folder / "my_methods.make-0.keras").stat().st_mtime_ns
    run(*command, "--images-seen", 64, "--folder", tmp_path / "killed", "--seeds", 1)
    (tmp_path / "killed" / "my_methods.make-1.keras").rename(folder / "my_methods.make-1.keras")
    printed = run(*command, "--images-seen", 96, "--folder", folder, "--seeds", 0, 1)
    assert "my_methods:make, seed 1: 32 images" in printed
    assert (folder / "my_methods.make-0.keras").stat().st_mtime_ns == before
    rows = json.loads((folder / "results.json").read_text())
    assert rows[:3] == [real, *first]
    assert len(rows) == 5
    assert rows[3]["images_seen"] == 96
    continued = keras.saving.load_model(folder / "my_methods.make-1.keras")
    assert int(continued.optimizer.iterations.numpy()) == 6
    fids = [row["fid"] for row in rows if row["method"] == "my_methods:make"]
    cells = re.search(r"^\| my_methods:make \| 2 \| .* \| 96 \| (\S+) ± (\S+) \|", printed, re.MULTILINE).groups()
    assert [float(cell) for cell in cells] == pytest.approx([np.mean(fids), np.std(fids, ddof=1)], rel=0.05)
    assert (folder / "table.md").read_text().strip() in printed
    with Image.open(folder / "my_methods.other-1.png") as sheet:
        assert sheet.size == (2 * (10 * 30 + 2),) * 2
    command += ["--images-seen", 96, "--folder", folder]
    for change in (["--samples", 60], ["--extractor", "clasifier=extractor.keras"], ["--extractor", "keras=missing"]):
        with pytest.raises(SystemExit, match="2"):
            run(*command, *change)
    for method in ("my_methods:mke", "no_methods:make", "no_preset"):
        with pytest.raises(SystemExit, match="2"):
            run(command[0], little, method, *command[4:])
    assert json.loads((folder / "results.json").read_text()) == rows


def test_leaderboard_on_small_sets(tmp_path, classifier, monkeypatch):
    images, labels = keras_dcgan.datasets.load("fashion_mnist_10k")
    np.savez(tmp_path / "set.npz", x_train=images[:300], y_train=labels[:300], x_test=images[-99:], y_test=labels[-99:])
    (tmp_path / "my_methods.py").write_text(METHOD)
    monkeypatch.chdir(tmp_path)
    keras.Model(classifier[0].inputs, classifier[0].layers[-2].output).save(tmp_path / "extractor.keras")
    command = [f"{FOLDER}/leaderboard.py", "set.npz", "my_methods:make", "--extractor", "keras=extractor.keras"]
    command += ["--samples", 20, "--batch-size", 4, "--speed-seconds", 0.01, "--images-seen", 4]
    run(*command, "--class", "1", "--images", 12, "--folder", tmp_path / "ones")
    real, row = json.loads((tmp_path / "ones" / "results.json").read_text())
    assert "copying" not in real
    assert 0 <= row["copying"] <= 1
    assert row["num_real_images"] == np.sum(labels[:300] == 1) - 12 + np.sum(labels[-99:] == 1)
    with pytest.raises(SystemExit, match=r"--class must be one of 0, 1, .*Received: shoe"):
        run(*command, "--class", "shoe", "--folder", tmp_path / "shoes")


@pytest.mark.parametrize("expected", [1.0, 0.5, 0.0])
def test_copying_is_the_share_of_samples_near_training_images(monkeypatch, expected):
    monkeypatch.syspath_prepend(str(ROOT / FOLDER))
    leaderboard = importlib.import_module("leaderboard")
    training, unseen = np.random.default_rng(0).normal(size=(2, 50, 4, 4, 1))
    gan = SimpleNamespace(generate=lambda n, seed: np.concatenate([training, unseen])[int(50 * (1 - expected)) :][:n])
    extractor = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten()])
    args = SimpleNamespace(samples=50)
    assert leaderboard.copying(gan, training, unseen, extractor, args) == expected


@pytest.fixture
def candidates(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / FOLDER))
    return importlib.import_module("candidates")


def test_candidates_are_methods_of_the_leaderboard(candidates):
    methods = {
        name: x for name, x in vars(candidates).items() if getattr(x, "__qualname__", "") == "method.<locals>.make"
    }
    assert len(methods) > 15
    for name, make in methods.items():
        gan = make(image_shape=(8, 8, 1), class_names=["a", "b", "c"], seed=0)
        assert gan.generate(3, seed=0).shape == (3, 8, 8, 1), name
        assert gan.discriminate(gan.generate(3, seed=0), [0, 1, 2]).shape == (3,), name


@pytest.mark.parametrize("name", ["top_k", "spectral", "label_embedding", "residual", "augmented"])
def test_candidates_train(candidates, name):
    gan = getattr(candidates, name)(image_shape=(8, 8, 1), class_names=["a", "b", "c"], seed=0)
    before = [v.numpy() for v in gan.trainable_variables]
    images = np.random.default_rng(0).integers(0, 256, (32, 8, 8, 1), "uint8")
    logs = gan.train_on_batch(images, np.arange(32) % 3, return_dict=True)
    assert np.isfinite(list(logs.values())).all()
    assert not any(np.array_equal(x, v.numpy()) for x, v in zip(before, gan.trainable_variables, strict=True))


def test_top_k_leaves_out_the_lowest_logits(candidates):
    logits = keras.ops.reshape(keras.ops.arange(8, dtype="float32"), (8, 1))
    expected = np.mean(np.log1p(np.exp(-np.arange(2.0, 8.0))))  # the six highest of eight
    assert float(candidates.TopK().generator(logits)) == pytest.approx(expected, rel=1e-5)


def test_joined_batches_are_normalized_together(candidates):
    images, labels = np.random.default_rng(0).integers(0, 256, (32, 16, 16, 1), "uint8"), np.arange(32) % 3

    def build():
        return candidates.joined_batches(image_shape=(16, 16, 1), class_names=["a", "b", "c"], seed=0)

    def normalization(gan):
        return next(x for x in gan.discriminator.layers if isinstance(x, keras.layers.BatchNormalization))

    trained, gan = build(), build()
    trained.train_on_batch(images, labels)
    # by hand: after one step, the moving mean has gone a hundredth of the way to the mean of all 64 images
    latents = gan.sample_latents(32)
    fake = keras.ops.convert_to_numpy(gan.generator([latents, keras.ops.convert_to_tensor(labels)], training=True))
    both = np.concatenate([images / 127.5 - 1, fake]).astype("float32")
    before = keras.Model(gan.discriminator.inputs, normalization(gan).input)
    mean = before.predict([both, np.tile(labels, 2)], verbose=0).mean(axis=(0, 1, 2))
    np.testing.assert_allclose(normalization(trained).moving_mean, 0.01 * mean, rtol=1e-3, atol=1e-7)
