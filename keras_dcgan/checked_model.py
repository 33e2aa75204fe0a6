"""CheckedModel: a Keras model that checks what it is given before it uses it.

Data is checked on the host, in NumPy, the same way on every backend: arrays as a whole before `fit` starts, anything
that yields batches (tf.data, PyDataset, DataLoader, generator) batch by batch, each before the step that would use it.
"""

import contextlib
import copy
import itertools
import math
import types
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_dcgan import backend, checks, pipelines


class CheckedModel(keras.Model):
    """A Keras model that checks what it is given before it uses it.

    Subclasses define `_check_training(images, labels, weights)` and `_check_inputs(inputs)`, which raise.
    """

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Sequence[keras.callbacks.Callback] | None = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Trains on images: `keras.Model.fit` behind a check of the data.

        Takes everything that `keras.Model.fit` takes but `sample_weight` and `class_weight`.

        Args:
            x: uint8 or float images `(n, height, width, channels)`, or a source of batches (tf.data.Dataset,
                PyDataset, torch DataLoader or generator).
            y: integer labels `(n,)` or `(n, 1)` of a conditional model, where `x` is an array; otherwise None.
            batch_size: int or None, as in Keras.
            epochs: int, as in Keras.
            verbose: as in Keras.
            callbacks: list of `keras.callbacks.Callback`.
            validation_split: float, as in Keras.
            validation_data: held-out data in any form that training data may have.
            shuffle: as in Keras. On TensorFlow the order of an array follows from the model's random state, so that a
                training that is resumed has the one that it would have had (not with `validation_split`). Data with a
                method `set_epoch` (`datasets.ImageFolder`, a DataLoader's DistributedSampler) is told the number of
                each epoch, and comes in its own order.
            **kwargs: the other arguments of `keras.Model.fit`.

        Returns:
            `keras.callbacks.History` with `loss`, `g_loss`, `d_loss`, `real_accuracy` and `fake_accuracy`.

        Raises:
            ValueError: the model is not compiled, or the data breaks a rule; nothing is changed then, where the data
                comes in batches, since the last good one.
            TypeError: data of a kind that is not known.
        """
        if not self.compiled:
            raise ValueError("The model is not compiled: call compile() before fit(). Received: no compile()")
        for name in ("sample_weight", "class_weight"):
            self._refuse_weight(kwargs.pop(name, None), name)
        given = callbacks.callbacks if isinstance(callbacks, keras.callbacks.CallbackList) else callbacks
        checks.check_order(keras.tree.flatten(given or []))
        size = batch_size or 32  # as in Keras
        data = self._checked(x, y, size, validation_split)
        if checks.is_array(x):
            checks.warn_of_half_range(x, self.value_range)
        validation = None
        if validation_data is not None:
            val_x, val_y, val_weight = keras.utils.unpack_x_y_sample_weight(validation_data)
            self._refuse_weight(val_weight)
            validation_size = kwargs.get("validation_batch_size") or size
            validation = self._checked(val_x, val_y, validation_size)
            validation_data = validation.x if val_y is None else (validation.x, val_y)
        set_epoch = getattr(x, "set_epoch", None) or getattr(getattr(x, "sampler", None), "set_epoch", None)
        if set_epoch is not None:
            shuffle = False  # Keras would, in the order of a global stream
            order = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: set_epoch(epoch))
            callbacks = [*keras.tree.flatten(given or []), order]
        elif not checks.is_array(x) and not isinstance(x, keras.utils.PyDataset):
            shuffle = False  # such a source comes in its own order: Keras would warn that it is not changed
        x = data.x
        if self._may_be_piped(x, batch_size, validation_split, shuffle, kwargs.get("steps_per_epoch")):
            seed = (self.seed_generator.state, self.optimizer.iterations) if shuffle else None
            x, y, shuffle = pipelines.of_arrays(x, y, size, seed), None, False
            if validation is not None and checks.is_array(val_x):
                validation_data = pipelines.of_arrays(val_x, val_y, validation_size, None)
        with errors_of(data, validation), backend.kept(self):
            return super().fit(
                x,
                y,
                batch_size,
                epochs,
                0 if backend.process_id() else verbose,
                callbacks=callbacks,
                validation_split=validation_split,
                validation_data=validation_data,
                shuffle=shuffle,
                **kwargs,
            )

    def _may_be_piped(self, x, batch_size, validation_split, shuffle, steps_per_epoch):
        """Whether `x` may become a pipeline of ours. Keras splits, finds batch sizes, shuffles batches."""
        if keras.backend.backend() != "tensorflow":
            return False
        found = steps_per_epoch and batch_size is None
        return checks.is_array(x) and not validation_split and not found and shuffle in (True, False)

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: None = None,
        **kwargs: Any,
    ) -> Any:
        """Losses and accuracies on held-out images, in inference mode: `keras.Model.evaluate`.

        Latents are the same in every call, so that figures of different epochs compare, and are not taken from the
        training's stream.

        Args:
            x, y: as in `fit`.
            batch_size: int or None, as in Keras.
            verbose: as in Keras.
            sample_weight: must be None.
            **kwargs: the other arguments of `keras.Model.evaluate`.

        Returns:
            As in Keras: list of figures, or a dict with `return_dict=True`.

        Raises:
            ValueError, TypeError: as in `fit`.
        """
        self._refuse_weight(sample_weight)
        self._restart_evaluation()
        data = None
        if not kwargs.get("_use_cached_eval_dataset"):  # fit() has checked it, and a generator may be read only once
            data = self._checked(x, y, batch_size or 32)
        x = x if data is None else data.x
        with errors_of(data), backend.kept(self):
            return super().evaluate(x, y, batch_size, 0 if backend.process_id() else verbose, **kwargs)

    def predict(self, x: Any, batch_size: int | None = None, verbose: int | str = "auto", **kwargs: Any) -> np.ndarray:
        """Images for latents, in `value_range`: `keras.Model.predict`. On JAX devices do not share the work.

        Args:
            x: latents `(n, latent_dim)`, or for a conditional model `[latents, labels]`.
            batch_size: int or None, as in Keras.
            verbose: as in Keras.
            **kwargs: the other arguments of `keras.Model.predict`.

        Returns:
            float32 NumPy array `(n, height, width, channels)`.

        Raises:
            ValueError: latents or labels that break a rule.
        """
        data = CheckedData(x, None, lambda inputs, *_: self._check_inputs(inputs))
        with errors_of(data), backend.kept(self), backend.alone():
            return super().predict(data.x, batch_size, 0 if backend.process_id() else verbose, **kwargs)

    def train_on_batch(
        self, x: Any, y: Any = None, sample_weight: None = None, class_weight: None = None, return_dict: bool = False
    ) -> Any:
        """One training step on one batch, as in Keras; arguments and errors as in `fit`."""
        self._refuse_weight(sample_weight)
        self._refuse_weight(class_weight, "class_weight")
        self._check_batch(x, y)
        return super().train_on_batch(x, y, return_dict=return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: None = None, return_dict: bool = False) -> Any:
        """Losses and accuracies on one batch, as in Keras; arguments and errors as in `evaluate`."""
        self._refuse_weight(sample_weight)
        self._check_batch(x, y)
        return super().test_on_batch(x, y, return_dict=return_dict)

    def predict_on_batch(self, x: Any) -> np.ndarray:
        """Images for one batch of latents, as in Keras; argument and errors as in `predict`."""
        self._check_inputs(x)
        return super().predict_on_batch(x)

    def _checked(self, x, y, batch_size, split=0.0):
        """Training data, of which arrays are checked by now, also whether devices and processes can share it."""
        shares = backend.share(self)
        data = CheckedData(x, y, self._check_training, self.image_shape, shares)
        amounts = [data.batches, 0]
        if checks.is_array(x):
            first = math.floor(len(x) * (1 - split))  # as Keras splits
            for n in (first, len(x) - first):
                checks.check_shares(n, batch_size, shares)
            amounts = [len(x), batch_size]
        checks.check_alike(backend.agree(self, amounts))
        return data

    def _check_batch(self, x, y):
        self._check_training(x, y)
        checks.check_shares(len(x), len(x), backend.share(self))

    def _refuse_weight(self, weight, name="sample_weight"):
        if weight is not None:
            raise ValueError(f"`{name}` has no meaning in adversarial training: leave it out. Received: {name}")


class CheckedData:
    """Training data of which every part is checked before it is used.

    Arrays are checked at once, batches of any other source as they come. The error of a batch that was refused is kept
    in `error`: TensorFlow's pipelines run Python on threads of their own and report an error of another type.

    Args:
        x: array, or source of batches: tf.data.Dataset, PyDataset, torch DataLoader or generator.
        y: array that goes with an array `x`, or None.
        check: callable that takes the parts of a batch, or whole arrays, and raises.
        image_shape: shape of an image where batches are of images, None otherwise.
        shares: int, in how many equal shares a batch must part.
    """

    def __init__(self, x, y, check, image_shape=None, shares=1):
        self.check = check
        self.image_shape = image_shape
        self.shares = shares
        self.error = None
        self.y = y
        self.batches = -1  # how many batches x has, where it tells
        self.x = self._wrap(x)

    def _wrap(self, data):
        if isinstance(data, keras.utils.PyDataset):
            self._count(data.num_batches)
            return _CheckedPyDataset(data, self)
        if isinstance(data, types.GeneratorType):
            first = list(itertools.islice(data, 1))
            self._refuse_empty(len(first))
            checked = (self.batch(batch) for batch in itertools.chain(first, data))
            return (batch if isinstance(batch, tuple) else (batch,) for batch in checked)  # Keras wants tuples
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
            raise ValueError("The data set is empty: it has no batch. Received: 0 batches")

    def batch(self, batch):
        """Checks a batch and gives it back."""
        try:
            parts = batch if isinstance(batch, tuple | list) else (batch,)
            self.check(*parts)
            checks.check_shares(len(parts[0]), len(parts[0]), self.shares)
        except (TypeError, ValueError) as error:
            self.error = error
            raise
        return batch

    def _in_pipeline(self, *batch):
        import tensorflow as tf

        structure = batch if len(batch) > 1 else batch[0]

        def check(*parts):
            self.batch(tf.nest.pack_sequence_as(structure, parts))

        # the shapes that were checked, for a pipeline that does not know them
        flat = tf.nest.flatten(structure)
        with tf.control_dependencies([tf.numpy_function(check, flat, [])]):
            flat = [tf.identity(part) for part in flat]
        wanted = (None, *(self.image_shape or ()))
        if self.image_shape and flat[0].shape.is_compatible_with(wanted):  # otherwise the step's tracing refuses it
            flat[0] = tf.ensure_shape(flat[0], wanted)
        return tf.nest.pack_sequence_as(structure, flat)


@contextlib.contextmanager
def errors_of(*sources):
    """Raises the error of the source that refused a batch in place of what the backend made of it."""
    try:
        yield
    except Exception:
        for source in sources:
            if source is not None and source.error is not None:
                raise source.error from None
        raise


class _CheckedPyDataset(keras.utils.PyDataset):
    def __init__(self, data, checked):
        super().__init__(data.workers, data.use_multiprocessing, data.max_queue_size)
        self.wrapped, self.checked = data, checked

    @property
    def num_batches(self):
        return self.wrapped.num_batches

    def __getitem__(self, index):
        return self.checked.batch(self.wrapped[index])

    def on_epoch_begin(self):
        self.wrapped.on_epoch_begin()

    def on_epoch_end(self):
        self.wrapped.on_epoch_end()


class _CheckedCollate:
    """A collate function that checks what it made; a class, so that worker processes can be sent it."""

    def __init__(self, collate, checked):
        self.collate, self.checked = collate, checked

    def __call__(self, samples):
        batch = self.checked.batch(self.collate(samples))
        return batch if isinstance(batch, tuple | list) else (batch,)  # as Keras wants it
