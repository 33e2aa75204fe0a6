"""Data that is refused, in every form that data may have, before anything is changed."""

import functools
import pickle
import re

import keras
import numpy as np
import pytest
from conftest import BACKEND, once, tiny, weights

from keras_dcgan.training import data


@functools.cache
def shared(preset="radford_28", **overrides):
    """One model for all that is refused, which must not change it, and for warnings."""
    return tiny(preset, **overrides)


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
    "empty": (GOOD[:0], "must be at least one image"),
    "range": (255 * np.abs(GOOD), "image_dataset_from_directory yields floats from 0 to 255"),
    "a little": (GOOD + 1.01, "must lie in value_range"),
    "below": (GOOD - 1.01, "must lie in value_range"),
    "nan": (with_nan(), "must be finite"),
    "infinity": (GOOD + np.inf, "must be finite"),
    "integers": (np.zeros((8, 8, 8, 1), "int64"), "must be uint8"),
    "booleans": (np.zeros((8, 8, 8, 1), bool), "must be uint8"),
}
LABELS = {
    "missing": (None, "pass both images and labels.*labels=None"),
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


SCALED = np.random.default_rng(0).uniform(0, 1, (8, 8, 8, 1)).astype("float32")  # to [0, 1]
HALF_RANGE = {
    "fit": lambda gan: gan.fit(SCALED, verbose=0),
    "validation_data": lambda gan: gan.fit(GOOD, validation_data=SCALED, verbose=0),
    "both": lambda gan: gan.fit(SCALED, validation_data=SCALED, verbose=0),
    "both as batches": lambda gan: gan.fit(
        sources(SCALED)["tf.data"], validation_data=sources(SCALED)["tf.data"], epochs=2, **options("tf.data")
    ),
    "evaluate": lambda gan: gan.evaluate(SCALED, verbose=0),
    "train_on_batch": lambda gan: gan.train_on_batch(SCALED),
    "test_on_batch": lambda gan: gan.test_on_batch(SCALED),
} | {
    f"{kind} to {method}": lambda gan, kind=kind, method=method: {
        "fit": lambda: gan.fit(sources(SCALED)[kind], **options(kind)),
        "evaluate": lambda: gan.evaluate(sources(SCALED)[kind], verbose=0, steps=2),
    }[method]()
    for kind in KINDS
    for method in ("fit", "evaluate")
}


@pytest.mark.once
@pytest.mark.parametrize("use", HALF_RANGE)
def test_warns_once_of_images_that_look_scaled_to_0_1(use):
    with pytest.warns(UserWarning, match=re.escape("2 * images - 1")) as warned:
        HALF_RANGE[use](shared())
    assert sum("2 * images - 1" in str(warning.message) for warning in warned) == 1


def test_a_later_batch_does_not_tell_the_range():
    shared().fit(sources(np.concatenate([GOOD[:4], SCALED[:4]]))["generator"], **options("generator"))


@pytest.mark.once
@pytest.mark.parametrize("kind", ["array", *KINDS])
def test_warns_once_of_classes_without_images(images, kind):
    gan, labels = shared("radford_28_conditional", num_classes=4), np.arange(8) % 2
    data = (images[:8], labels) if kind == "array" else (sources(images[:8], labels)[kind],)
    if kind == "generator":
        data = ((batch for batch in [(images[:4], labels[:4])] * 4),)
    with pytest.warns(
        UserWarning, match="never occur in the labels and cannot be learned: 2, 3. .*num_classes=4"
    ) as warned:
        gan.fit(*data, epochs=2, **options(kind))
    assert sum("never occur" in str(warning.message) for warning in warned) == 1


def other_order(x):
    """The same values in the other byte order."""
    return x.byteswap().view(x.dtype.newbyteorder("S"))


def backward(x):
    """The same array with negative strides, read-only."""
    x = x[::-1].copy()[::-1]
    x.flags.writeable = False
    return x


ARRANGEMENTS = [other_order, *([backward] if BACKEND == "torch" else [])]


@pytest.mark.parametrize("kind", ["array", once("PyDataset"), once("generator")])
@pytest.mark.parametrize("arrange", ARRANGEMENTS)
def test_trains_on_arrays_of_any_byte_order_and_stride(kind, arrange):
    one, other = (tiny("radford_28_conditional") for _ in range(2))
    labels = np.arange(8, dtype="int32") % 3
    one.fit(GOOD, labels, batch_size=4, shuffle=False, verbose=0)
    arranged = arrange(GOOD), arrange(labels)
    batches = [tuple(part[i : i + 4] for part in arranged) for i in (0, 4)]
    given = {"array": arranged, "PyDataset": (data._Batches(batches),), "generator": ((batch for batch in batches),)}
    other.fit(*given[kind], batch_size=4, validation_data=arranged, **options(kind))
    for a, b in zip(one.weights, other.weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-7)


def test_a_loader_may_return_arrays_of_any_byte_order():
    torch = pytest.importorskip("torch")
    one, other = tiny(), tiny()
    one.fit(GOOD, batch_size=4, shuffle=False, verbose=0)
    loader = torch.utils.data.DataLoader(other_order(GOOD), batch_size=4, collate_fn=np.stack)
    other.fit(loader, **options("DataLoader"))
    for a, b in zip(one.weights, other.weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-7)


LATENTS = np.random.default_rng(1).normal(size=(8, 4)).astype("float32")
NUMBERS = np.arange(8, dtype="uint16") % 3


@pytest.mark.parametrize("arrange", ARRANGEMENTS)
@pytest.mark.parametrize(
    "use",
    [
        lambda gan, x, y, z: gan.evaluate(x, y, verbose=0),
        lambda gan, x, y, z: gan.predict([z, y], verbose=0),
        lambda gan, x, y, z: gan.predict_on_batch([z, y]),
        lambda gan, x, y, z: gan.generate(latents=z, labels=y),
        lambda gan, x, y, z: gan.invert(x, y, steps=2),
        lambda gan, x, y, z: gan.features(x, y),
        lambda gan, x, y, z: tiny("radford_28_conditional").test_on_batch(x, y),
        lambda gan, x, y, z: tiny("radford_28_conditional").train_on_batch(x, y),
    ],
)
def test_every_method_takes_arrays_of_any_byte_order_and_stride(arrange, use):
    expected, received = (
        use(shared("radford_28_conditional"), *(change(part) for part in (GOOD, NUMBERS, LATENTS)))
        for change in (np.copy, arrange)
    )
    np.testing.assert_allclose(received, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.once
@pytest.mark.parametrize(
    "argument",
    [
        *({"batch_size": bad} for bad in (0, -8, 16.0, True, "8")),
        *({"epochs": bad} for bad in (-1, 2.5, None)),
        *({"initial_epoch": bad} for bad in (-1, 0.5)),
        *({name: bad} for name in ("steps_per_epoch", "validation_steps", "validation_batch_size") for bad in (0, 1.5)),
        *({"validation_freq": bad} for bad in (0, None, [1, 0])),
        *({"validation_split": bad} for bad in (-0.1, 1, 1.5, "a", None)),
    ],
)
def test_refuses_impossible_arguments_of_fit(argument):
    (name,) = argument
    refused(shared(), lambda: shared().fit(GOOD, verbose=0, **argument), f"`{name}` must be .*Received: {name}=")


@pytest.mark.once
@pytest.mark.parametrize("argument", [{"batch_size": 0}, {"batch_size": 16.0}, {"steps": -1}, {"steps": True}])
@pytest.mark.parametrize("method", ["evaluate", "predict"])
def test_refuses_impossible_arguments_of_evaluate_and_predict(method, argument):
    (name,) = argument
    x = GOOD if method == "evaluate" else LATENTS
    refused(shared(), lambda: getattr(shared(), method)(x, verbose=0, **argument), f"`{name}` must be a positive")


@pytest.mark.once
def test_arguments_may_be_numpys_integers(images):
    numbers = {"batch_size": np.int64(8), "epochs": np.int32(1), "initial_epoch": np.int8(0)}
    numbers |= {"steps_per_epoch": np.int64(3), "validation_freq": np.int64(1), "validation_batch_size": np.uint8(4)}
    gan = tiny()
    gan.fit(images, validation_data=images, verbose=0, **numbers)
    assert gan.optimizer.iterations == 3
    gan.evaluate(images, batch_size=np.int64(8), verbose=0)
    gan.predict(LATENTS, batch_size=np.int64(8), verbose=0)
    assert not gan.fit(images, epochs=0, verbose=0).epoch


def repeated(x):
    return sources(x)["tf.data"].repeat()


def endless(x):
    class Endless(keras.utils.PyDataset):
        num_batches = None

        def __getitem__(self, index):
            return x[:4]

    return Endless()


@pytest.mark.parametrize("make", [repeated, once(endless)])
def test_refuses_data_that_never_ends(make):
    gan, quiet = shared(), {"verbose": 0, "shuffle": False}
    for name, use in {
        "steps_per_epoch": lambda: gan.fit(make(GOOD), **quiet),
        "validation_steps": lambda: gan.fit(GOOD, validation_data=make(GOOD), verbose=0),
        "steps": lambda: gan.evaluate(make(GOOD), verbose=0),
    }.items():
        refused(gan, use, f"pass `{name}`")
    refused(gan, lambda: gan.predict(make(LATENTS), verbose=0), "pass `steps`")
    trained = tiny()
    trained.fit(make(GOOD), steps_per_epoch=2, validation_data=make(GOOD), validation_steps=1, **quiet)
    assert trained.optimizer.iterations == 2


def test_a_generator_is_read_once(images):
    def batches(n):
        return (images[i : i + 4] for i in range(0, 4 * n, 4))

    quiet = {"verbose": 0, "shuffle": False}
    refused(
        shared(), lambda: shared().fit(batches(4), epochs=3, **quiet), "can be read only once: pass `steps_per_epoch`"
    )
    gan = tiny()
    with pytest.raises(ValueError, match="must yield 6 batches.*Received: .*a generator of 4 batches"):
        gan.fit(batches(4), epochs=3, steps_per_epoch=2, **quiet)
    other = tiny()
    other.fit(batches(6), epochs=3, steps_per_epoch=2, **quiet)
    assert other.optimizer.iterations == 6
    with pytest.raises(ValueError, match="must yield 3 batches"):
        gan.evaluate(batches(2), steps=3, verbose=0)


def test_a_validation_generator_gives_every_epoch_the_same_batches(images):
    def batches(n):
        return (images[i : i + 4] for i in range(0, 4 * n, 4))

    gan, given = tiny(), {"epochs": 3, "batch_size": 8, "shuffle": False, "verbose": 0}
    expected = gan.fit(images, validation_data=images[:16], validation_batch_size=4, **given).history
    history = tiny().fit(images, validation_data=batches(4), validation_steps=4, **given).history
    np.testing.assert_allclose(history["val_d_loss"], expected["val_d_loss"], rtol=1e-5)
    for steps in (None, 5):
        use = lambda steps=steps: shared().fit(GOOD, validation_data=batches(4), validation_steps=steps, verbose=0)  # noqa: E731
        refused(shared(), use, f"needs `validation_steps`.*Received: validation_steps={steps}")


@pytest.mark.compiled
@pytest.mark.parametrize("steps", [1, *([] if BACKEND == "torch" else [2])])
def test_a_pipeline_of_dicts_is_refused(steps):
    import tensorflow as tf

    gan = tiny()
    gan.compile("sgd", "sgd", steps_per_execution=steps)
    data = tf.data.Dataset.from_tensor_slices({"image": GOOD, "label": NUMBERS.astype("int32")}).batch(4)
    refused(
        gan, lambda: gan.fit(data, verbose=0, shuffle=False), "Images must be one array.*Received: dict of length 2"
    )


@pytest.mark.compiled
@pytest.mark.parametrize("steps", [1, *([] if BACKEND == "torch" else [2])])
def test_a_pipeline_without_labels_is_refused(steps):
    gan = tiny("radford_28_conditional")
    gan.compile("sgd", "sgd", steps_per_execution=steps)
    use = lambda: gan.fit(sources(GOOD)["tf.data"], verbose=0, shuffle=False)  # noqa: E731
    refused(gan, use, "pass both images and labels")


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


def test_worker_processes_do_not_receive_the_model():
    checked = data.checked(shared(), data._Batches([GOOD[:1]]), None, 1, 1, "steps_per_epoch", {})
    assert len(pickle.dumps(checked.x)) < 2000
