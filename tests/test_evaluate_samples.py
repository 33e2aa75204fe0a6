"""EvaluateSamples: the figures in the logs, and that nothing is disturbed."""

import keras
import numpy as np
import pytest
from conftest import assert_identical, tiny

from keras_dcgan import metrics
from keras_dcgan.callbacks import EvaluateLabels, EvaluateSamples

ALL = ("frechet_distance", "kernel_distance", "precision", "recall", "density", "coverage")


@pytest.fixture
def extractor():
    """Six features of an image: what a small network with random weights makes of it."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(3, 3, 2, activation="leaky_relu", kernel_initializer=keras.initializers.GlorotUniform(1)),
            layers.Flatten(),
            layers.Dense(6, kernel_initializer=keras.initializers.GlorotUniform(2)),
        ]
    )


def fit(gan, images, *callbacks, **options):
    options = {"batch_size": 8, "epochs": 3, "shuffle": False, "verbose": 0} | options
    return gan.fit(images, callbacks=list(callbacks), **options).history


def test_the_figures_are_those_of_metrics(images, extractor):
    gan = tiny()
    history = fit(gan, images, EvaluateSamples(extractor, images, ALL, num_images=40, batch_size=7, seed=3), epochs=1)
    real, made = (
        np.asarray(extractor.predict_on_batch(part.astype("float32"))) for part in (images, gan.generate(40, seed=3))
    )
    expected = dict(
        zip(
            ALL,
            (
                metrics.frechet_distance(real, made),
                metrics.kernel_distance(real, made)[0],
                *metrics.precision_recall(real, made),
                *metrics.density_coverage(real, made),
            ),
            strict=True,
        )
    )
    for name, value in expected.items():
        assert history[name] == pytest.approx([value], rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("preset", ["mnist", "fashion_mnist_conditional"])
def test_training_is_not_disturbed(images, labels, extractor, preset):
    models = tiny(preset), tiny(preset)
    parts = [images, labels] if "conditional" in preset else [images]
    for gan, callbacks in zip(models, ([], [EvaluateSamples(extractor, images, num_images=12)]), strict=True):
        gan.fit(*parts, batch_size=8, epochs=2, verbose=0, shuffle=False, callbacks=callbacks)
    assert_identical(*models)


def test_shuffled_training_is_not_disturbed_either(images, extractor):
    models = []
    for callbacks in ([], [EvaluateSamples(extractor, images, num_images=12)]):
        keras.utils.set_random_seed(0)
        models.append(tiny())
        fit(models[-1], images, *callbacks, shuffle=True)
    assert_identical(*models)


def test_a_conditional_model_shows_each_class_in_turn(images, labels, extractor):
    gan = tiny("radford_28_conditional")
    evaluate = EvaluateSamples(extractor, images, num_images=10)
    history = gan.fit(images, labels, batch_size=8, verbose=0, callbacks=[evaluate]).history
    made = gan.generate(latents=np.asarray(keras.ops.convert_to_numpy(gan.sample_latents(10, seed=0))))
    features = [np.asarray(extractor.predict_on_batch(part.astype("float32"))) for part in (images, made)]
    assert history["frechet_distance"] == pytest.approx([metrics.frechet_distance(*features)], rel=1e-5)


def test_every_third_epoch_and_the_figures_are_repeated_between(images, extractor):
    gan = tiny()
    gan.compile(keras.optimizers.Adam(0.05), keras.optimizers.Adam(0.05))
    history = fit(gan, images, EvaluateSamples(extractor, images, num_images=12, every=3), epochs=7)
    values = history["frechet_distance"]
    assert values[0] == values[1] != values[2] == values[3] == values[4] != values[5] == values[6]


def test_the_best_epoch_is_kept(tmp_path, images, extractor):
    gan = tiny()
    gan.compile(keras.optimizers.SGD(3.0), keras.optimizers.SGD(3.0))
    evaluate = EvaluateSamples(extractor, images, num_images=32)
    best = keras.callbacks.ModelCheckpoint(
        tmp_path / "best.keras", monitor="frechet_distance", mode="min", save_best_only=True
    )
    log = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    stop = keras.callbacks.EarlyStopping(monitor="frechet_distance", mode="min", patience=3)
    values = fit(gan, images, evaluate, best, log, stop, epochs=30)["frechet_distance"]
    assert len(values) == np.argmin(values) + 4 < 30
    kept = keras.saving.load_model(tmp_path / "best.keras")
    features = [
        np.asarray(extractor.predict_on_batch(part.astype("float32"))) for part in (images, kept.generate(32, seed=0))
    ]
    assert metrics.frechet_distance(*features) == pytest.approx(min(values), rel=1e-5)
    assert "frechet_distance" in (tmp_path / "log.csv").read_text().splitlines()[0]


def test_real_features_are_extracted_once(images, extractor):
    calls = []
    extract = extractor.predict_on_batch
    extractor.predict_on_batch = lambda x: calls.append(len(x)) or extract(x)
    gan, evaluate = tiny(), EvaluateSamples(extractor, images, num_images=10)
    for _ in range(2):
        fit(gan, images, evaluate, epochs=2)
    assert calls == [24, 10, 10, 10, 10]


def test_progress_is_shown_where_fit_shows_it(images, extractor, capsys):
    fit(tiny(), images, EvaluateSamples(extractor, images, num_images=12), epochs=1, verbose=1)
    shown = capsys.readouterr().out
    assert "12/12" in shown
    assert "frechet_distance" in shown
    fit(tiny(), images, EvaluateSamples(extractor, images, num_images=12), epochs=1, verbose=0)
    assert not capsys.readouterr().out


@pytest.mark.parametrize("monitor", [keras.callbacks.ModelCheckpoint, keras.callbacks.EarlyStopping])
def test_a_callback_that_monitors_a_figure_must_come_behind(tmp_path, images, extractor, monitor):
    arguments = {"filepath": tmp_path / "a.keras"} if monitor is keras.callbacks.ModelCheckpoint else {}
    early = monitor(monitor="frechet_distance", mode="min", **arguments)
    evaluate = EvaluateSamples(extractor, images, num_images=12)
    with pytest.raises(ValueError, match=f"EvaluateSamples must come before {monitor.__name__}"):
        fit(tiny(), images, early, evaluate)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"figures": "frechet_distance"}, ValueError, "`figures` must be a list of names out of frechet_distance"),
        ({"figures": ()}, ValueError, "`figures` must be"),
        ({"figures": ("fid",)}, ValueError, "`figures` must be"),
        ({"num_images": 0}, ValueError, "`num_images` must be a positive integer"),
        ({"seed": None}, ValueError, "`seed` must be an integer from 0 on"),
        ({"every": 1.5}, TypeError, "`every` must be a positive integer"),
    ],
)
def test_refuses_nonsense(images, extractor, arguments, error, message):
    with pytest.raises(error, match=message):
        EvaluateSamples(extractor, images, **arguments)


def test_refuses_real_images_of_another_shape(images, extractor):
    with pytest.raises(ValueError, match="Images must have shape"):
        fit(tiny(), images, EvaluateSamples(extractor, images[:, :4], num_images=12))


@pytest.fixture
def classifier():
    """Three scores of an image: how far its mean is from 0, 128 and 255."""
    x = keras.Input((8, 8, 1))
    mean = keras.layers.GlobalAveragePooling2D()(x)
    scores = keras.layers.Dense(3, kernel_initializer="zeros", bias_initializer="zeros")
    y = scores(mean)
    # −(m − c)² without its m²: 2 c m − c²
    centres = np.array([0.0, 128.0, 255.0])
    scores.set_weights([2 * centres[None], -(centres**2)])
    return keras.Model(x, y)


def test_label_accuracy_is_the_share_seen_as_asked(images, labels, classifier):
    gan = tiny("radford_28_conditional")
    history = gan.fit(
        images, labels, batch_size=8, verbose=0, callbacks=[EvaluateLabels(classifier, num_images=31, batch_size=7)]
    ).history
    made = gan.generate(latents=keras.ops.convert_to_numpy(gan.sample_latents(31, seed=0)), labels=np.arange(31) % 3)
    means = made.mean(axis=(1, 2, 3))
    seen = np.digitize(means, [64, 191.5])
    assert history["label_accuracy"] == pytest.approx([np.mean(seen == np.arange(31) % 3)])
    assert 0 < history["label_accuracy"][0] < 1


def test_measuring_labels_does_not_disturb_training(images, labels, classifier):
    models = [tiny("fashion_mnist_conditional") for _ in range(2)]
    for gan, callbacks in zip(models, ([], [EvaluateLabels(classifier, num_images=12)]), strict=True):
        gan.fit(images, labels, batch_size=8, epochs=2, verbose=0, shuffle=False, callbacks=callbacks)
    assert_identical(*models)


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


def test_refuses_to_measure_labels_that_the_model_or_the_classifier_does_not_have(images, labels, classifier):
    with pytest.raises(ValueError, match="EvaluateLabels is for a conditional model"):
        fit(tiny(), images, EvaluateLabels(classifier))
    gan = tiny("radford_28_conditional", num_classes=4)
    with pytest.raises(ValueError, match=r"`classifier` must give \(n, 4\) numbers.*output shape \(None, 3\)"):
        gan.fit(images, labels, batch_size=8, verbose=0, callbacks=[EvaluateLabels(classifier)])
