"""Batches of arrays."""

from unittest import mock

import keras
import numpy as np
import pytest
from conftest import BACKEND, assert_identical, tiny

from keras_dcgan.training import data, pipelines

if BACKEND == "tensorflow":
    import tensorflow as tf

pytestmark = pytest.mark.compiled

IMAGES = np.arange(20, dtype="uint8").reshape(20, 1, 1, 1) * np.ones((1, 8, 8, 1), "uint8")


def epoch(dataset):
    """The first pixel of every image of every batch."""
    return [batch[:, 0, 0, 0].numpy().tolist() for batch in dataset]


@pytest.mark.once
def test_batches_come_in_order_and_the_last_is_smaller():
    dataset = pipelines.of_arrays(IMAGES, None, 8, None)
    assert dataset.cardinality() == 3
    assert dataset.element_spec == tf.TensorSpec((None, 8, 8, 1), "uint8")
    assert epoch(dataset) == [list(range(8)), list(range(8, 16)), list(range(16, 20))]


def seed():
    return keras.random.SeedGenerator(1).state, keras.Variable(7, dtype="int32")


@pytest.mark.once
def test_every_epoch_has_an_order_of_its_own_that_follows_from_the_seed():
    state, iterations = seed()
    dataset = pipelines.of_arrays(IMAGES, None, 8, (state, iterations))

    def order(first, second, count):
        state.assign([first, second])
        iterations.assign(count)
        pixels = [pixel for batch in epoch(dataset) for pixel in batch]
        np.testing.assert_array_equal([*state.numpy(), iterations.numpy()], [first, second, count])
        return pixels

    orders = [order(1, 0, 0), order(2, 0, 0), order(1, 3, 0), order(1, 0, 3)]
    for one in orders:
        assert sorted(one) == list(range(20))
    assert len({tuple(one) for one in orders}) == 4
    assert order(1, 0, 0) == orders[0]


@pytest.mark.once
@pytest.mark.parametrize("shape", [(20,), (20, 1)])
def test_labels_stay_with_their_images(shape):
    labels = keras.ops.reshape(np.arange(20, dtype="int32"), shape)
    for images, own in pipelines.of_arrays(IMAGES, labels, 8, seed()):
        assert own.shape[1:] == shape[1:]
        np.testing.assert_array_equal(np.ravel(own), images[:, 0, 0, 0])


@pytest.mark.once
def test_nothing_is_tuned_unless_the_caller_says_so():
    own = tf.data.Dataset.range(3)
    assert not pipelines.untuned(own).options().autotune.enabled
    options = tf.data.Options()
    options.autotune.enabled = True
    assert pipelines.untuned(own.with_options(options)).options().autotune.enabled
    assert not pipelines.of_arrays(IMAGES, None, 8, None).options().autotune.enabled


def fitted(x, **options):
    """What Keras's `fit` is given, as keyword arguments and training data."""
    gan = tiny()
    gan.compile()
    with mock.patch.object(keras.Model, "fit") as fit:
        gan.fit(x, **options)
    return fit.call_args.args[0], fit.call_args.kwargs


@pytest.mark.once
def test_fit_trains_on_untuned_batches():
    x, options = fitted(IMAGES, batch_size=8, validation_data=IMAGES[:12], validation_batch_size=5)
    assert [len(batch) for batch in x] == [8, 8, 4]
    assert epoch(x) != epoch(pipelines.of_arrays(IMAGES, None, 8, None))
    assert epoch(fitted(IMAGES, batch_size=8, shuffle=False)[0]) == epoch(pipelines.of_arrays(IMAGES, None, 8, None))
    assert [len(batch) for batch in options["validation_data"]] == [5, 5, 2]
    assert not options["shuffle"]
    given, _ = fitted(tf.data.Dataset.from_tensor_slices(IMAGES).batch(8), shuffle=False)
    for dataset in (x, options["validation_data"], given):
        assert not dataset.options().autotune.enabled


@pytest.mark.skipif(BACKEND == "tensorflow", reason="tf.data feeds TensorFlow")
def test_batches_of_an_order_that_follows_from_the_model():
    gan = tiny()
    shuffled, y, shuffle = data.batched(IMAGES, np.arange(20), 8, True, gan)
    assert (y, shuffle) == (None, False)

    def order():
        shuffled.on_epoch_begin()
        batches = [shuffled[i] for i in range(len(shuffled))]
        assert [len(images) for images, _ in batches] == [8, 8, 4]
        for images, labels in batches:
            np.testing.assert_array_equal(images[:, 0, 0, 0], labels)
        return np.concatenate([labels for _, labels in batches]).tolist()

    first, again = order(), order()
    gan.sample_latents(1)
    drawn = order()
    gan.optimizer.iterations.assign(1)
    updated = order()
    assert first == again
    assert len({tuple(x) for x in (first, drawn, updated, range(20))}) == 4
    assert all(sorted(x) == list(range(20)) for x in (first, drawn, updated))


def test_what_keras_does_with_arrays_is_left_to_it():
    assert fitted(IMAGES, shuffle="batch")[0] is IMAGES


@pytest.mark.parametrize("source", [IMAGES[:4], [IMAGES[:1]] * 3])
def test_refuses_to_split_what_cannot_be_split(source):
    gan = tiny()
    gan.compile()
    with pytest.raises(ValueError, match="`validation_split` (must leave|needs an array of) images"):
        gan.fit(source, validation_split=0.9, batch_size=8)


@pytest.mark.parametrize("more", [{}, {"validation_split": 0.2}])
def test_a_shuffled_training_that_is_taken_up_again_equals_one_that_was_not_stopped(tmp_path, more):
    def new():
        gan = tiny()
        gan.compile()
        return gan

    options = {"batch_size": 8, "verbose": 0} | more
    whole, stopped = new(), new()
    whole.fit(IMAGES, epochs=3, **options)
    stopped.fit(IMAGES, epochs=1, **options)
    stopped.save(tmp_path / "gan.keras")
    resumed = keras.saving.load_model(tmp_path / "gan.keras")
    resumed.fit(IMAGES, initial_epoch=1, epochs=3, **options)
    assert_identical(resumed, whole)
