"""Data that is refused, in every form that data may have, before anything is changed."""

import functools
import re

import keras
import numpy as np
import pytest
from conftest import BACKEND, once, tiny, weights


@functools.cache
def shared(preset="radford_28"):
    """One model for all that is refused: nothing of it may change."""
    return tiny(preset)


GOOD = np.random.default_rng(0).uniform(-1, 1, (8, 8, 8, 1)).astype("float32")


def with_nan():
    x = GOOD.copy()
    x[3, 2, 1, 0] = np.nan
    return x


IMAGES = {
    "rank": (GOOD[..., 0], r"images\[..., None\] adds the channel axis"),
    "single": (GOOD[0], "must have shape"),
    "channels": (np.zeros((8, 8, 8, 3), "uint8"), r"shape \(n, 8, 8, 1\)"),
    "size": (np.zeros((8, 9, 8, 1), "uint8"), r"shape \(n, 8, 8, 1\)"),
    "empty": (GOOD[:0], "no images"),
    "range": (255 * np.abs(GOOD), "image_dataset_from_directory yields floats from 0 to 255"),
    "a little": (GOOD + 1.01, "must lie in value_range"),
    "below": (GOOD - 1.01, "must lie in value_range"),
    "nan": (with_nan(), "must be finite"),
    "infinity": (GOOD + np.inf, "must be finite"),
    "integers": (np.zeros((8, 8, 8, 1), "int64"), "must be uint8"),
    "booleans": (np.zeros((8, 8, 8, 1), bool), "must be uint8"),
}
LABELS = {
    "missing": (None, "are missing"),
    "too few": (np.zeros(7, "int32"), r"shape \(8,\) or \(8, 1\)"),
    "one-hot": (np.eye(8, 3, dtype="int32"), "argmax"),
    "floats": (np.zeros(8), "astype"),
    "negative": (np.full(8, -1), "from -1 to -1"),
    "too large": (np.arange(8) % 4, "from 0 to 3"),
    "strings": (np.full(8, "cat"), "integers"),
}


def refused(gan, use, message):
    """The use raises ValueError with this message and changes nothing."""
    before = weights(gan)
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        use()
    assert caught.type in (ValueError, TypeError)
    for a, b in zip(before, weights(gan), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("case", IMAGES)
@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch", "test_on_batch", "validation"])
def test_refuses_images(case, method):
    gan = shared()
    x, message = IMAGES[case]
    use = {
        "fit": lambda: gan.fit(x, verbose=0),
        "validation": lambda: gan.fit(GOOD, validation_data=x, verbose=0),
        "evaluate": lambda: gan.evaluate(x, verbose=0),
    }.get(method) or (lambda: getattr(gan, method)(x))
    refused(gan, use, message)


@pytest.mark.parametrize("case", LABELS)
@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch"])
def test_refuses_labels(case, method):
    gan = shared("radford_28_conditional")
    y, message = LABELS[case]
    verbose = {} if method == "train_on_batch" else {"verbose": 0}
    refused(gan, lambda: getattr(gan, method)(GOOD, y, **verbose), message)


def sources(x, y=None):
    """The same batches of 4 in every form that fit takes."""
    import tensorflow as tf

    parts = (x,) if y is None else (x, y)
    batches = [tuple(p[i : i + 4] for p in parts) for i in range(0, len(x), 4)]

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return len(batches)

        def __getitem__(self, index):
            return batches[index]

    made = {
        "tf.data": tf.data.Dataset.from_tensor_slices(parts if y is not None else x).batch(4),
        "PyDataset": Batches(workers=2),
        "generator": (batch for batch in batches),
    }
    if BACKEND == "torch":
        import torch

        data = torch.utils.data.TensorDataset(*(torch.as_tensor(p) for p in parts))
        made["DataLoader"] = torch.utils.data.DataLoader(data, batch_size=4)
    return made


KINDS = ["tf.data", "PyDataset", "generator", *(["DataLoader"] if BACKEND == "torch" else [])]


def options(kind):
    # Keras warns that it cannot shuffle what is no array
    return {"verbose": 0, "shuffle": False} | ({"steps_per_epoch": 2} if kind == "generator" else {})


@pytest.mark.compiled
@pytest.mark.parametrize("kind", KINDS)
def test_trains_on_every_kind_of_source_as_on_arrays(images, kind):
    one, other = tiny(), tiny()
    one.fit(images[:8], batch_size=4, shuffle=False, verbose=0)
    other.fit(sources(images[:8])[kind], **options(kind))
    for a, b in zip(one.weights, other.weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_trains_on_labelled_sources_as_on_arrays(images, labels, kind):
    one, other = (tiny("radford_28_conditional") for _ in range(2))
    one.fit(images[:8], labels[:8], batch_size=4, shuffle=False, verbose=0)
    other.fit(sources(images[:8], labels[:8])[kind], **options(kind))
    for a, b in zip(one.weights, other.weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", ["rank", "channels", "range", "nan", "integers"])
def test_refuses_images_of_every_kind_of_source(kind, case):
    gan = shared()
    x, message = IMAGES[case]
    refused(gan, lambda: gan.fit(sources(x)[kind], **options(kind)), message)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", ["negative", "too large", "floats"])
def test_refuses_labels_of_every_kind_of_source(kind, case):
    gan = shared("radford_28_conditional")
    y, message = LABELS[case]
    refused(gan, lambda: gan.fit(sources(GOOD, y)[kind], **options(kind)), message)


@pytest.mark.parametrize("kind", KINDS)
def test_refuses_an_empty_source(kind):
    gan = shared()
    refused(gan, lambda: gan.fit(sources(GOOD[:0])[kind], **options(kind)), "at least one batch")


@pytest.mark.compiled
@pytest.mark.parametrize("kind", KINDS)
def test_refuses_a_later_batch_before_the_step_that_would_use_it(kind):
    x = GOOD.copy()
    x[5] = 200
    gan, other = tiny(), tiny()
    with pytest.raises(ValueError, match="must lie in value_range"):
        gan.fit(sources(x)[kind], **options(kind))
    other.train_on_batch(x[:4])
    # a generator's and PyDataset's batches are checked when they are made, which may be before the step on the first
    expected = [w.numpy() for w in other.weights], [w.numpy() for w in tiny().weights]
    ours = [w.numpy() for w in gan.weights]
    assert any(all(np.allclose(a, b, rtol=1e-5, atol=1e-7) for a, b in zip(ours, e, strict=True)) for e in expected)


def test_labels_to_a_model_without_are_refused(images, labels):
    gan = shared()
    refused(gan, lambda: gan.fit(images, labels, verbose=0), "ConditionalDCGAN")
    refused(gan, lambda: gan.fit(sources(images, labels)["tf.data"], verbose=0, shuffle=False), "ConditionalDCGAN")


@pytest.mark.parametrize("name", ["sample_weight", "class_weight"])
def test_weights_are_refused(images, name):
    gan = shared()
    refused(gan, lambda: gan.fit(images, verbose=0, **{name: {0: 1.0}}), f"`{name}` is not supported")


@pytest.mark.parametrize("data", [[np.zeros((8, 8, 8, 1), "uint8")], "images", None, 3])
def test_refuses_data_of_another_kind(data):
    gan = shared()
    refused(gan, lambda: gan.fit(data, verbose=0), "one array")


def test_warns_of_images_that_look_scaled_to_0_1(images):
    gan = tiny()
    with pytest.warns(UserWarning, match=re.escape("2 * images - 1")):
        gan.fit(images / np.float32(255), verbose=0)


def test_rounding_at_the_ends_of_the_range_is_accepted(images):
    tiny().train_on_batch((images / np.float32(127.5) - 1) * np.float32(1.0001))


@pytest.mark.parametrize(
    ("dtype", "shape"),
    [
        ("int64", (24, 1)),
        once("uint8", (24,)),
        once("int8", (24, 1)),
        once("int16", (24,)),
        once("uint16", (24, 1)),
    ],
)
def test_labels_of_any_integer_type_and_both_shapes_train_alike(images, labels, dtype, shape):
    one, other = tiny("radford_28_conditional"), tiny("radford_28_conditional")
    expected = one.train_on_batch(images, labels.astype("int32"), return_dict=True)
    assert other.train_on_batch(images, labels.astype(dtype).reshape(shape), return_dict=True) == expected


@pytest.mark.parametrize("bad", [3, -1])
def test_a_label_out_of_range_never_passes_silently(bad):
    gan = shared("radford_28_conditional")
    z, y = np.zeros((2, 4), "float32"), np.array([0, bad], "int32")
    for use in (
        lambda: gan([z, y]),
        lambda: gan.predict([z, y], verbose=0),
        lambda: gan.predict_on_batch([z, y]),
        lambda: gan.generate(labels=y),
        lambda: gan.generate(2, labels=bad),
        lambda: gan.train_on_batch(GOOD[:2], y),
        lambda: gan.evaluate(GOOD[:2], y, verbose=0),
    ):
        with pytest.raises(ValueError, match=r"Labels must be integers in \[0, 3\)"):
            use()


def test_a_validation_generator_is_read_by_fit_alone(images):
    batches = (images[i : i + 4] for i in range(0, 12, 4))  # just enough
    options = {"epochs": 3, "batch_size": 8, "verbose": 0, "validation_steps": 1}
    history = tiny().fit(images, validation_data=batches, **options).history
    assert len(set(history["val_d_loss"])) == 3


@pytest.mark.compiled
@pytest.mark.parametrize("known", [(None, None, None, 1), None])
def test_a_pipeline_may_not_know_the_shape_of_its_images(images, known):
    import tensorflow as tf

    def of_unknown_shape(batch):
        return (
            tf.py_function(lambda x: x, [batch], tf.uint8)
            if known is None
            else tf.ensure_shape(tf.numpy_function(lambda x: x, [batch], tf.uint8), known)
        )

    data = tf.data.Dataset.from_tensor_slices(images[:8]).batch(4).map(of_unknown_shape)
    one, other = tiny(), tiny()
    one.fit(data, verbose=0, shuffle=False)
    other.fit(images[:8], batch_size=4, verbose=0, shuffle=False)
    for a, b in zip(one.weights, other.weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-7)
    bad = tf.data.Dataset.from_tensor_slices(images[:8, :7]).batch(4).map(of_unknown_shape)
    refused(shared(), lambda: shared().fit(bad, verbose=0, shuffle=False), r"shape \(n, 8, 8, 1\)")


def test_latents_must_be_finite_numbers():
    for z in (np.full((2, 4), np.nan), np.full((2, 4), "a")):
        with pytest.raises(ValueError, match="`latents` must be"):
            shared().generate(latents=z)
