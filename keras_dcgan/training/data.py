"""Data sources whose batches are checked before they are used.

Data is checked on the host, in NumPy, the same way on every backend: arrays as a whole before `fit` starts, anything
that yields batches (tf.data, PyDataset, DataLoader, generator) batch by batch, each before the step that uses it.
"""

import contextlib
import copy
import functools
import itertools
import math
import types
from typing import Any

import keras
import numpy as np

from keras_dcgan import backend
from keras_dcgan.training import pipelines, validation


def checked(model, x, y, batch_size, multiple, steps_name, arguments, before=None):
    """Wraps training data so that it is checked; arrays are checked immediately.

    Args:
        model: the model.
        x, y: data as `fit` takes it.
        batch_size: int.
        multiple: int, the batch sizes must be multiples of it.
        steps_name, arguments, before: as in `CheckedData`.

    Returns:
        `CheckedData`.

    Raises:
        ValueError, TypeError: the data is invalid, or differs in size between processes.
    """
    data = CheckedData(
        x,
        model._class_numbers(y) if validation.is_array(x) else y,
        expected=model._expected(),
        multiple=multiple,
        steps_name=steps_name,
        arguments=arguments,
        before=before,
    )
    amounts = [data.batches, 0]
    if validation.is_array(x):
        validation.check_batch_sizes(len(x), batch_size, multiple)
        amounts = [len(x), batch_size]
    validation.check_equal_amounts(backend.synchronize_processes(model, amounts))
    return data


def split(x, y, share):
    """Splits arrays as Keras does: `(x, y, validation_data)`, the last `share` of the images for validation."""
    if not validation.is_array(x):
        raise ValueError(
            "`validation_split` needs an array of images: pass `validation_data`. "
            f"Received: validation_split={share}, images of type {type(x).__name__}"
        )
    first = math.floor(len(x) * (1 - share))
    if not 0 < first < len(x):
        raise ValueError(
            "`validation_split` must leave images for both training and validation. "
            f"Received: validation_split={share}, {len(x)} images"
        )
    if y is None:
        return x[:first], None, x[first:]
    return x[:first], y[:first], (x[first:], y[first:])


def in_memory(x, steps):
    """A generator's batches as a dataset, because every validation needs the same ones; any other data unchanged.

    Args:
        x: validation data.
        steps: `validation_steps` of `fit`.
    """
    if not isinstance(x, types.GeneratorType):
        return x
    batches = list(itertools.islice(x, steps or 0))
    if steps is None or len(batches) < steps:
        raise ValueError(
            "A generator as `validation_data` needs `validation_steps`, and must yield as many batches: they are kept "
            f"in memory for every validation. Received: validation_steps={steps}, {len(batches)} batches"
        )
    return _Batches(batches)


def _epoch_setter(x):
    """The method of a data source, or of its sampler, that sets the epoch; None if it has none."""
    return getattr(x, "set_epoch", None) or getattr(getattr(x, "sampler", None), "set_epoch", None)


def epoch_callbacks(x, train):
    """The callbacks of training data: they set the epoch of a source that needs it, and warn of missing classes.

    Args:
        x: data as `fit` takes it.
        train: `CheckedData` of it.
    """
    callbacks = []
    if set_epoch := _epoch_setter(x):
        callbacks.append(keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: set_epoch(epoch)))
    if validation.is_array(x):
        train.report_missing_classes()
    else:
        callbacks.append(
            keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: train.report_missing_classes())
        )
    return callbacks


def is_shuffled_by_keras(x):
    """Whether Keras can shuffle the data; other sources have their own order."""
    return validation.is_array(x) or (isinstance(x, keras.utils.PyDataset) and _epoch_setter(x) is None)


def batched(x, y, batch_size, shuffle, model):
    """Arrays in batches whose order follows from the model's random state, so that training resumes exactly.

    Keras would shuffle by a random stream that no file contains. It still does if several processes or devices of JAX
    train one model, and if `shuffle` is "batch".

    Args:
        x, y, batch_size, shuffle: as `fit` takes them, checked.
        model: the model.

    Returns:
        `(x, y, shuffle)` for `keras.Model.fit`.
    """
    if not validation.is_array(x) or shuffle not in (True, False):
        return x, y, shuffle
    if keras.backend.backend() == "tensorflow":
        seed = (model.seed_generator.state, model.optimizer.iterations) if shuffle else None
        return pipelines.of_arrays(x, y, batch_size, seed), None, False
    if shuffle and backend.num_processes() == 1 and keras.distribution.distribution() is None:
        return _ShuffledArrays(x, y, batch_size, model), None, False
    return x, y, shuffle


class CheckedData:
    """Training data whose batches are checked before they are used.

    Arrays are checked at once, batches of any other source as they come. The error of a refused batch is kept in
    `error`, because TensorFlow's pipelines run Python on their own threads and raise an error of another type.

    Args:
        x: array, or source of batches: tf.data.Dataset, PyDataset, torch DataLoader or generator.
        y: array of labels for an array `x`, or None.
        check: callable that takes the parts of a batch, or whole arrays, and raises. None for
            `validation.check_training` with `expected`.
        arguments: dict, those of `fit`, `evaluate` or `predict`.
        steps_name: str, the one of them that is the number of batches per epoch.
        expected: dict of `image_shape`, `value_range` and `num_classes`. Worker processes receive it, not the model.
        multiple: int, the size of a batch must be a multiple of it.
        before: `CheckedData` of the training data for validation data, whose warning is not repeated.
    """

    def __init__(self, x, y, check=None, *, arguments, steps_name="steps", expected=None, multiple=1, before=None):
        self.expected = expected
        self.check: Any = check or functools.partial(validation.check_training, **expected)
        self.multiple = multiple
        self.steps_name, self.steps = steps_name, arguments.get(steps_name)
        self.epochs = arguments.get("epochs", 1) - arguments.get("initial_epoch", 0)
        self.before = before
        self.warned = False
        self.is_first = True
        self.seen = set()  # classes in the labels
        self.error = None
        self.batches = -1  # number of batches in x if known
        x, self.y = validation.native((x, y))
        self.x = self._wrap(x)

    def _wrap(self, data):
        if isinstance(data, keras.utils.PyDataset):
            self._count(data.num_batches, endless=data.num_batches is None)
            return _CheckedPyDataset(data, self)
        if isinstance(data, types.GeneratorType):
            if self.steps is None and self.epochs > 1:
                raise ValueError(
                    "A generator can be read only once: pass `steps_per_epoch` and a generator that never ends, or a "
                    f"keras.utils.PyDataset. Received: a generator, epochs={self.epochs}, steps_per_epoch=None"
                )
            first = list(itertools.islice(data, 1))
            self._count(None if first else 0)
            return self._read(itertools.chain(first, data))
        if hasattr(data, "element_spec") and hasattr(data, "map"):  # a tf.data.Dataset
            batches = int(data.cardinality())
            self._count(batches, endless=batches == -1)
            return pipelines.untuned(data.map(self._in_pipeline))
        if hasattr(data, "collate_fn"):  # a torch DataLoader
            self._count(len(data) if hasattr(data.dataset, "__len__") else None)
            return _checked_loader(data, self)
        self.check(data, self.y)
        self._note(data, self.y)
        return data

    def _count(self, batches, endless=False):
        if batches == 0:
            raise ValueError("The dataset must contain at least one batch. Received: 0 batches")
        if endless and self.steps is None:
            raise ValueError(
                f"The dataset repeats forever: pass `{self.steps_name}`, or leave out its repeat(). "
                f"Received: {self.steps_name}=None"
            )
        self.batches = -1 if batches is None else batches

    def _read(self, generator):
        """Checks the batches of a generator, which must not end before the last step."""
        n = 0
        for batch in generator:
            yield self.batch(batch)
            n += 1
        needed = (self.steps or 0) * self.epochs
        if n < needed:
            self.error = ValueError(
                f"The generator must yield {needed} batches, `{self.steps_name}` for each epoch: let it yield batches "
                f"forever. Received: {self.steps_name}={self.steps}, epochs={self.epochs}, a generator of {n} batches"
            )
            raise self.error

    def batch(self, batch):
        """Checks a batch and returns it as a tuple, which Keras expects."""
        try:
            parts = validation.native(tuple(batch) if isinstance(batch, tuple | list) else (batch,))
            self.check(*parts)
            validation.check_batch_size(len(parts[0]), self.multiple)
            self._note(*parts)
        except (TypeError, ValueError, UserWarning) as error:
            self.error = error
            raise
        return parts

    def _note(self, images, labels=None):
        """Notes the classes of a batch, and warns of the first if it seems to have another range."""
        if self.expected is None:
            return
        is_first, self.is_first = self.is_first, False
        if is_first and not (self.before and self.before.warned):
            self.warned = validation.warn_of_half_range(images, self.expected["value_range"])
        if labels is not None:
            self.seen.update(np.unique(validation.as_numpy(labels)).tolist())

    def report_missing_classes(self):
        """Warns, once, of classes that did not occur so far."""
        if self.seen and self.expected["num_classes"] and backend.num_processes() == 1:
            validation.warn_of_missing_classes(self.seen, self.expected["num_classes"])
        self.expected = self.expected | {"num_classes": None}

    def _in_pipeline(self, *batch):
        import tensorflow as tf

        structure = batch if len(batch) > 1 else batch[0]

        def check(*parts):
            self.batch(tf.nest.pack_sequence_as(structure, parts))

        flat = tf.nest.flatten(structure)
        with tf.control_dependencies([tf.numpy_function(check, flat, [])]):
            flat = [tf.identity(part) for part in flat]
        # the pipeline may not know the shape; if it knows another one, tracing the step raises the error
        expected = self.expected and (None, *self.expected["image_shape"])
        if expected and flat[0].shape.is_compatible_with(expected):
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


class _Batches(keras.utils.PyDataset):
    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.batches[index]


class _ShuffledArrays(keras.utils.PyDataset):
    def __init__(self, images, labels, batch_size, model):
        super().__init__()
        self.parts = [validation.as_numpy(part) for part in (images, labels) if part is not None]
        self.batch_size, self.model = batch_size, model
        self.on_epoch_begin()

    def on_epoch_begin(self):
        with backend.readable(self.model):
            variables = (self.model.seed_generator.state, self.model.optimizer.iterations)
            state = np.concatenate([np.ravel(validation.as_numpy(variable.value)) for variable in variables])
        self.order = np.random.default_rng(state).permutation(len(self.parts[0]))

    def __len__(self):
        return -(-len(self.order) // self.batch_size)

    def __getitem__(self, index):
        chosen = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        return tuple(part[chosen] for part in self.parts)


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


def _checked_loader(loader, checked_data):
    """A copy of a torch DataLoader, with workers of its own, whose batches are checked in this process."""
    import torch

    def batches(self):
        for batch in type(loader).__iter__(self):
            # Keras expects tensors, and a collate_fn may return arrays
            parts = checked_data.batch(batch)
            yield tuple(torch.from_numpy(x.copy()) if isinstance(x, np.ndarray) else x for x in parts)

    copied = copy.copy(loader)
    copied.__class__ = type("CheckedLoader", (type(loader),), {"__iter__": batches})
    copied._iterator = None  # the user's, if its workers persist
    return copied
