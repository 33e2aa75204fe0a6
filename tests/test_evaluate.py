"""metrics.evaluate: each value against the metric itself, computed on all images at once."""

import keras
import numpy as np
import pytest
from conftest import tiny

import keras_dcgan
from keras_dcgan import metrics

pytestmark = pytest.mark.once
SETTINGS = {"num_images": 60, "seed": 3, "batch_size": 16}


@pytest.fixture
def extractor():
    """Features and probabilities of four classes."""
    start = keras.initializers.GlorotUniform
    x = keras.Input((8, 8, 1))
    y = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(x))
    features = keras.layers.Dense(6, "tanh", kernel_initializer=start(1))(y)
    return keras.Model(x, [features, keras.layers.Dense(4, "softmax", kernel_initializer=start(2))(features)])


@pytest.fixture
def real():
    """40 images and their labels, three classes."""
    return np.random.default_rng(5).integers(0, 256, (40, 8, 8, 1), "uint8"), np.arange(40) % 3


def outputs(extractor, images):
    return [np.asarray(part) for part in extractor.predict(images.astype("float32"), verbose=0)]


def samples(gan, **options):
    latents = keras.ops.convert_to_numpy(gan.sample_latents(60, seed=3))
    return gan.generate(latents=latents, **options)


def test_values_are_those_of_the_metrics(extractor, real):
    gan = tiny()
    results = metrics.evaluate(gan, real[0], extractor=extractor, **SETTINGS)
    ours, theirs = outputs(extractor, samples(gan)), outputs(extractor, real[0])
    pair = theirs[0], ours[0]
    expected = {
        "fid": metrics.frechet_distance(*pair),
        **dict(zip(("kid", "kid_standard_error"), metrics.kernel_distance(*pair), strict=True)),
        **dict(zip(("inception_score", "inception_score_std"), metrics.inception_score(ours[1]), strict=True)),
        **dict(zip(("precision", "recall"), metrics.precision_recall(*pair), strict=True)),
        **dict(zip(("density", "coverage"), metrics.density_coverage(*pair), strict=True)),
    }
    assert {name: results[name] for name in expected} == pytest.approx(expected, rel=1e-4, abs=1e-6)
    assert (results["num_images"], results["num_real_images"], results["seed"]) == (60, 40, 3)
    assert results["versions"].keys() >= {"keras", "keras-dcgan", "backend"}


def test_intra_fid_is_the_mean_over_the_classes(extractor, real):
    gan = tiny("radford_28_conditional")
    with pytest.warns(UserWarning, match="singular"):  # 13 images with 6 features are enough, 6 with 6 are not
        results = metrics.evaluate(
            gan, real[0][:18], labels=real[1][:18], extractor=extractor, metrics=["intra_fid"], **SETTINGS
        )
    requested = np.arange(60) % 3
    ours, theirs = (outputs(extractor, x)[0] for x in (samples(gan, labels=requested), real[0][:18]))
    with pytest.warns(UserWarning, match="singular"):
        expected = [metrics.frechet_distance(theirs[real[1][:18] == i], ours[requested == i]) for i in range(3)]
    assert results["fid_per_class"] == pytest.approx(expected, rel=1e-4)
    assert results["intra_fid"] == pytest.approx(np.mean(expected), rel=1e-4)


def test_statistics_stand_for_real_images(extractor, real):
    gan = tiny()
    statistics = metrics.FrechetStatistics().update(outputs(extractor, real[0])[0])
    options = {"extractor": extractor, "metrics": ["fid"], **SETTINGS}
    ours, theirs = (metrics.evaluate(gan, given, **options) for given in (statistics, real[0]))
    assert ours["fid"] == pytest.approx(theirs["fid"], rel=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metrics": ["fids"]}, "`metrics` must be a list of names from fid, kid"),
        ({"metrics": "fid"}, "`metrics` must be a list"),
        ({"metrics": ["intra_fid"]}, '"intra_fid" needs a ConditionalDCGAN'),
        (
            {"reference": metrics.FrechetStatistics(np.zeros(6), np.eye(6)), "metrics": ["fid", "kid"]},
            "FrechetStatistics are enough for .*kid",
        ),
        ({"reference": np.zeros((4, 9, 9, 1), "uint8")}, "Images must have shape"),
        ({"reference": np.zeros((4, 8, 8, 1), "float32")}, "`reference` must be uint8 images"),
        ({"reference": np.zeros((0, 8, 8, 1), "uint8")}, "`reference` must be uint8 images.*0 images"),
        ({"num_images": 0}, "`num_images`"),
    ],
)
def test_refuses(extractor, real, change, message):
    arguments = {"reference": real[0], "extractor": extractor, **SETTINGS} | change
    with pytest.raises(ValueError, match=message):
        metrics.evaluate(tiny(), **arguments)


def test_an_inception_score_needs_probabilities(extractor, real):
    features = keras.Model(extractor.input, extractor.outputs[0])
    with pytest.raises(ValueError, match="needs an extractor with the outputs"):
        metrics.evaluate(tiny(), real[0], extractor=features, metrics=["inception_score"], **SETTINGS)
    results = metrics.evaluate(tiny(), real[0], extractor=features, **SETTINGS)  # all but this one
    assert results.keys() >= {"fid", "kid", "precision", "coverage"}
    assert "inception_score" not in results


def test_intra_fid_needs_images_of_all_classes(extractor, real):
    gan, labels = tiny("radford_28_conditional"), np.arange(40) % 2
    with pytest.raises(ValueError, match=r"needs real images of all 3 classes. Received: none of \[2\]"):
        metrics.evaluate(gan, real[0], labels=labels, extractor=extractor, metrics=["intra_fid"], **SETTINGS)


def extractor_of(shape, *rest):
    return keras.Sequential([keras.Input(shape), *rest])


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (None, TypeError, "`extractor` must be a Keras model"),
        (extractor_of((9, 9, 3), keras.layers.Flatten()), ValueError, r"images of shape \(8, 8, 1\).*\(9, 9, 3\)"),
        (extractor_of((8, 8, 1), keras.layers.ReLU()), ValueError, r"must return features \(n, d\).*\(None, 8, 8, 1\)"),
    ],
)
def test_refuses_what_is_not_an_extractor(real, wrong, error, message):
    with pytest.raises(error, match=message):
        metrics.evaluate(tiny(), real[0], extractor=wrong, metrics=["fid"], **SETTINGS)
    with pytest.raises(error, match=message):
        tiny().fit(real[0], verbose=0, callbacks=[keras_dcgan.callbacks.EvaluateSamples(wrong, real[0])])


def test_refuses_a_network_in_place_of_the_model(extractor, real):
    with pytest.raises(TypeError, match="`gan` must be a DCGAN"):
        metrics.evaluate(tiny().generator, real[0], extractor=extractor, **SETTINGS)
