"""EvaluateSamples and EvaluateLabels: the metrics they add to the logs."""

import keras
import numpy as np
import pytest
from conftest import tiny
from stubs import StubExtractor, StubModel

from keras_dcgan import metrics
from keras_dcgan.callbacks import EvaluateLabels, EvaluateSamples

ALL = ("fid", "kid", "precision_recall", "density_coverage")
pytestmark = pytest.mark.once


def features(*groups):
    return [StubExtractor().predict_on_batch(group.astype("float32")) for group in groups]


def fit(gan, images, *callbacks, **options):
    options = {"batch_size": 8, "epochs": 3, "shuffle": False, "verbose": 0} | options
    return gan.fit(images, callbacks=list(callbacks), **options).history


def test_the_logs_hold_the_values_of_metrics(images):
    model = StubModel()
    evaluate = EvaluateSamples(StubExtractor(), images, ALL, num_images=40, batch_size=7, seed=3)
    history = model.fit(evaluate).history
    real, made = features(images, model.generate(40, seed=3))
    values = (
        metrics.frechet_distance(real, made),
        *metrics.kernel_distance(real, made),
        *metrics.precision_recall(real, made),
        *metrics.density_coverage(real, made),
    )
    names = ("fid", "kid", "kid_standard_error", "precision", "recall", "density", "coverage")
    for name, value in zip(names, values, strict=True):
        assert history[name] == pytest.approx([value], rel=1e-5, abs=1e-8)


def test_a_conditional_model_generates_each_class_in_turn(images):
    model = StubModel(num_classes=3)
    history = model.fit(EvaluateSamples(StubExtractor(), images, num_images=10)).history
    made = model.generate(latents=model.sample_latents(10, seed=0), labels=np.arange(10) % 3)
    expected = metrics.frechet_distance(*features(images, made))
    assert history["fid"] == pytest.approx([expected], rel=1e-5)


def test_measures_every_third_epoch_and_repeats_the_values_between(images):
    history = StubModel().fit(EvaluateSamples(StubExtractor(), images, num_images=12, every=3), epochs=7).history
    values = history["fid"]
    assert values[0] == values[1] != values[2] == values[3] == values[4] != values[5] == values[6]


def test_the_best_epoch_is_kept(tmp_path, images):
    gan = tiny()
    gan.compile(keras.optimizers.SGD(3.0), keras.optimizers.SGD(3.0))
    evaluate = EvaluateSamples(StubExtractor(), images, num_images=32)
    best = keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", monitor="fid", mode="min", save_best_only=True)
    log = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    stop = keras.callbacks.EarlyStopping(monitor="fid", mode="min", patience=3)
    values = fit(gan, images, evaluate, best, log, stop, epochs=30)["fid"]
    assert len(values) == np.argmin(values) + 4 < 30
    kept = keras.saving.load_model(tmp_path / "best.keras")
    found = metrics.frechet_distance(*features(images, kept.generate(32, seed=0)))
    assert found == pytest.approx(min(values), rel=1e-5)
    assert "fid" in (tmp_path / "log.csv").read_text().splitlines()[0]


def test_features_of_real_images_are_extracted_once(images):
    extractor = StubExtractor()
    model, evaluate = StubModel(), EvaluateSamples(extractor, images, num_images=10)
    for _ in range(2):
        model.fit(evaluate, epochs=2)
    assert extractor.sizes == [24, 10, 10, 10, 10]


def test_statistics_stand_for_real_images(images):
    statistics = metrics.FrechetStatistics().update(*features(images))
    extractor = StubExtractor()
    history = StubModel().fit(EvaluateSamples(extractor, statistics, num_images=40)).history
    assert history == StubModel().fit(EvaluateSamples(StubExtractor(), images, num_images=40)).history
    assert sum(extractor.sizes) == 40  # the samples alone
    with pytest.raises(ValueError, match="FrechetStatistics are enough for"):
        EvaluateSamples(extractor, statistics, ["fid", "precision_recall"])


def test_shows_progress_where_fit_does(images, capsys):
    fit(tiny(), images, EvaluateSamples(StubExtractor(), images, num_images=12), epochs=1, verbose=1)
    shown = capsys.readouterr().out
    assert "12/12" in shown
    assert "fid" in shown
    fit(tiny(), images, EvaluateSamples(StubExtractor(), images, num_images=12), epochs=1, verbose=0)
    assert not capsys.readouterr().out


@pytest.mark.parametrize("monitor", [keras.callbacks.ModelCheckpoint, keras.callbacks.EarlyStopping])
def test_a_callback_that_monitors_a_metric_must_come_after_it(tmp_path, images, monitor):
    arguments = {"filepath": tmp_path / "a.keras"} if monitor is keras.callbacks.ModelCheckpoint else {}
    early = monitor(monitor="fid", mode="min", **arguments)
    evaluate = EvaluateSamples(StubExtractor(), images, num_images=12)
    with pytest.raises(ValueError, match=f"EvaluateSamples must come before {monitor.__name__}"):
        fit(tiny(), images, early, evaluate)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"metrics": "fid"}, ValueError, "`metrics` must be a list of names from fid, kid"),
        ({"metrics": ()}, ValueError, "`metrics` must be"),
        ({"metrics": ("intra_fid",)}, ValueError, "`metrics` must be"),
        ({"num_images": 0}, ValueError, "`num_images` must be an integer of at least 2"),
        ({"num_images": 1}, ValueError, "`num_images` must be an integer of at least 2"),
        (
            {"num_images": 5, "metrics": ["density_coverage"]},
            ValueError,
            "`num_images` must be an integer of at least 6",
        ),
        ({"seed": None}, TypeError, "`seed` must be an integer"),
        ({"every": 1.5}, TypeError, "`every` must be a positive integer"),
    ],
)
def test_refuses_nonsense(images, arguments, error, message):
    with pytest.raises(error, match=message):
        EvaluateSamples(StubExtractor(), images, **arguments)


def test_refuses_real_images_of_another_shape(images):
    with pytest.raises(ValueError, match="Images must have shape"):
        StubModel().fit(EvaluateSamples(StubExtractor(), images[:, :4], num_images=12))


@pytest.fixture
def classifier():
    """Three scores of an image: how far its mean is from 0, 128 and 255."""
    x = keras.Input((8, 8, 1))
    mean = keras.layers.GlobalAveragePooling2D()(x)
    scores = keras.layers.Dense(3, kernel_initializer="zeros", bias_initializer="zeros")
    y = scores(mean)
    # −(m − c)² without its m²: 2 c m − c²
    centers = np.array([0.0, 128.0, 255.0])
    scores.set_weights([2 * centers[None], -(centers**2)])
    return keras.Model(x, y)


def test_label_accuracy_is_the_share_of_samples_that_show_the_requested_class(classifier):
    model = StubModel(num_classes=3)
    history = model.fit(EvaluateLabels(classifier, num_images=31, batch_size=7)).history
    requested = np.arange(31) % 3
    made = model.generate(latents=model.sample_latents(31, seed=0), labels=requested)
    seen = np.digitize(made.mean(axis=(1, 2, 3)), [64, 191.5])
    assert history["label_accuracy"] == pytest.approx([np.mean(seen == requested)])
    assert 0 < history["label_accuracy"][0] < 1


def test_the_epoch_with_the_best_labels_is_kept(tmp_path, images, labels, classifier):
    best = keras.callbacks.ModelCheckpoint(
        tmp_path / "best.keras", monitor="label_accuracy", mode="max", save_best_only=True
    )
    evaluate = EvaluateLabels(classifier, num_images=12)
    gan = tiny("radford_28_conditional")
    with pytest.raises(ValueError, match="EvaluateLabels must come before ModelCheckpoint"):
        gan.fit(images, labels, batch_size=8, verbose=0, callbacks=[best, evaluate])
    gan.fit(images, labels, batch_size=8, verbose=0, callbacks=[evaluate, best])
    assert (tmp_path / "best.keras").exists()


def test_refuses_labels_that_the_model_or_the_classifier_does_not_have(classifier):
    with pytest.raises(ValueError, match="EvaluateLabels needs a conditional model"):
        StubModel().fit(EvaluateLabels(classifier))
    with pytest.raises(
        ValueError, match=r"`classifier` must have the output shape \(None, 4\).*output shape \(None, 3\)"
    ):
        StubModel(num_classes=4).fit(EvaluateLabels(classifier))
