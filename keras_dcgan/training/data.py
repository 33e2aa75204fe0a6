"""Data sources whose batches are checked before they are used.

Data is checked on the host, in NumPy, the same way on every backend: arrays as a whole before `fit` starts, anything
that yields batches (tf.data, PyDataset, DataLoader, generator) batch by batch, each before the step that uses it.
"""

import contextlib
import copy
import itertools
import math
import types

import keras

from keras_dcgan import backend
from keras_dcgan.training import pipelines, validation


def checked(model, x, y, batch_size, multiple, validation_split=0.0):
    """Wraps training data so that it is checked; arrays are checked immediately.

    Args:
        model: the model, whose `_check_training(images, labels, weights)` raises for invalid data.
        x, y: data as `fit` takes it.
        batch_size: int.
        multiple: int, the batch sizes must be multiples of it.
        validation_split: float, as in Keras.

    Returns:
        `CheckedData`.

    Raises:
        ValueError, TypeError: the data is invalid, or differs in size between processes.
    """
    data = CheckedData(x, y, model._check_training, model.image_shape, multiple)
    amounts = [data.batches, 0]
    if validation.is_array(x):
        first = math.floor(len(x) * (1 - validation_split))  # as Keras splits
        validation.check_batch_sizes(first, batch_size, multiple)
        validation.check_batch_sizes(len(x) - first, batch_size, backend.batch_multiple(model))
        amounts = [len(x), batch_size]
    validation.check_equal_amounts(backend.synchronize_processes(model, amounts))
    return data


def _epoch_setter(x):
    """The method of a data source, or of its sampler, that sets the epoch; None if it has none."""
    return getattr(x, "set_epoch", None) or getattr(getattr(x, "sampler", None), "set_epoch", None)


def epoch_callbacks(x):
    """The callback that tells a data source the epoch, in a list; empty if the source does not need it."""
    set_epoch = _epoch_setter(x)
    if set_epoch is None:
        return []
    return [keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: set_epoch(epoch))]


def is_shuffled_by_keras(x):
    """Whether Keras can shuffle the data; other sources have their own order."""
    return validation.is_array(x) or (isinstance(x, keras.utils.PyDataset) and _epoch_setter(x) is None)


def may_be_pipeline(x, shuffle):
    """Whether the data may become a pipeline of ours: arrays on TensorFlow, unless Keras shuffles their batches."""
    return keras.backend.backend() == "tensorflow" and validation.is_array(x) and shuffle in (True, False)


class CheckedData:
    """Training data whose batches are checked before they are used.

    Arrays are checked at once, batches of any other source as they come. The error of a refused batch is kept in
    `error`, because TensorFlow's pipelines run Python on their own threads and raise an error of another type.

    Args:
        x: array, or source of batches: tf.data.Dataset, PyDataset, torch DataLoader or generator.
        y: array of labels for an array `x`, or None.
        check: callable that takes the parts of a batch, or whole arrays, and raises.
        image_shape: shape of an image if the batches are images, otherwise None.
        multiple: int, the size of a batch must be a multiple of it.
    """

    def __init__(self, x, y, check, image_shape=None, multiple=1):
        self.check = check
        self.image_shape = image_shape
        self.multiple = multiple
        self.error = None
        self.y = y
        self.batches = -1  # number of batches in x if known
        self.x = self._wrap(x)

    def _wrap(self, data):
        if isinstance(data, keras.utils.PyDataset):
            self._count(data.num_batches)
            return _CheckedPyDataset(data, self)
        if isinstance(data, types.GeneratorType):
            first = list(itertools.islice(data, 1))
            self._refuse_empty(len(first))
            checked_batches = (self.batch(batch) for batch in itertools.chain(first, data))
            return (batch if isinstance(batch, tuple) else (batch,) for batch in checked_batches)  # Keras wants tuples
        if hasattr(data, "element_spec") and hasattr(data, "map"):  # a tf.data.Dataset
            self._count(int(data.cardinality()))
            return pipelines.untuned(data.map(self._in_pipeline))
        if hasattr(data, "collate_fn"):  # a torch DataLoader
            self._count(len(data) if hasattr(data.dataset, "__len__") else None)
            loader = copy.copy(data)
            loader.collate_fn = _CheckedCollate(data.collate_fn, self)
            return loader
        self.check(data, self.y)
        return data

    def _count(self, batches):
        self._refuse_empty(batches)
        self.batches = -1 if batches is None else batches

    def _refuse_empty(self, batches):
        if batches == 0:
            raise ValueError("The dataset must contain at least one batch. Received: 0 batches")

    def batch(self, batch):
        """Checks a batch and returns it."""
        try:
            parts = batch if isinstance(batch, tuple | list) else (batch,)
            self.check(*parts)
            validation.check_batch_size(len(parts[0]), self.multiple)
        except (TypeError, ValueError) as error:
            self.error = error
            raise
        return batch

    def _in_pipeline(self, *batch):
        import tensorflow as tf

        structure = batch if len(batch) > 1 else batch[0]

        def check(*parts):
            self.batch(tf.nest.pack_sequence_as(structure, parts))

        flat = tf.nest.flatten(structure)
        with tf.control_dependencies([tf.numpy_function(check, flat, [])]):
            flat = [tf.identity(part) for part in flat]
        # the pipeline may not know the shape; if it knows another one, tracing the step raises the error
        expected = (None, *(self.image_shape or ()))
        if self.image_shape and flat[0].shape.is_compatible_with(expected):
            flat[0] = tf.ensure_shape(flat[0], expected)
        return tf.nest.pack_sequence_as(structure, flat)


@contextlib.contextmanager
def original_errors(*sources):
    """Raises the error of the source that refused a batch in place of the backend's."""
    try:
        yield
    except Exception:
        for source in sources:
            if source is not None and source.error is not None:
                raise source.error from None
        raise


class _CheckedPyDataset(keras.utils.PyDataset):
    def __init__(self, data, checked_data):
        super().__init__(data.workers, data.use_multiprocessing, data.max_queue_size)
        self.wrapped, self.checked_data = data, checked_data

    @property
    def num_batches(self):
        return self.wrapped.num_batches

    def __getitem__(self, index):
        return self.checked_data.batch(self.wrapped[index])

    def on_epoch_begin(self):
        self.wrapped.on_epoch_begin()

    def on_epoch_end(self):
        self.wrapped.on_epoch_end()


class _CheckedCollate:
    """A collate function that checks its result; a class, so that it can be sent to worker processes."""

    def __init__(self, collate, checked_data):
        self.collate, self.checked_data = collate, checked_data

    def __call__(self, samples):
        batch = self.checked_data.batch(self.collate(samples))
        return batch if isinstance(batch, tuple | list) else (batch,)  # as Keras wants it
