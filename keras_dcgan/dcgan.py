"""DCGAN: adversarial training of any two Keras models."""

import contextlib
import functools
import inspect
import operator
import os
import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, Self

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from keras_dcgan import backend, export, features, images, latents, layers, losses, presets
from keras_dcgan._types import Array
from keras_dcgan.backend import signals
from keras_dcgan.networks import blocks
from keras_dcgan.penalties import Penalty, get as get_penalties, total_penalty
from keras_dcgan.training import checkpoints, data, files, optimizers, validation
from keras_dcgan.training.inference import predict_on_batch


@keras.saving.register_keras_serializable("keras_dcgan")
class DCGAN(checkpoints.CheckpointedModel):
    """A generator and a discriminator, trained against each other with `fit()`.

    The generator maps latent vectors, `(batch, latent_dim)` float32, to images, `(batch, height, width, channels)`
    float32 in `value_range`. The discriminator maps images to logits, `(batch, 1)` float32, positive for "real".

    `fit` takes images only: uint8 (rescaled to `value_range` on the device, inside the step) or floats in
    `value_range`, as arrays, tf.data, PyDataset, torch DataLoader or generator of batches.

    Args:
        generator: built Keras model with an input `(None, latent_dim)` and a float32 output `(None, H, W, C)`.
        discriminator: built Keras model with an input `(None, H, W, C)` and a float32 output `(None, 1)`. It ends in a
            linear unit; the sigmoid is part of the loss.
        latent_prior: "normal" for N(0, 1) or "uniform" for U(−1, 1).
        value_range: `(low, high)`, range of the generator's images.
        ema_momentum: float in (0, 1), such as 0.999, to keep an exponential moving average (EMA) of the generator's
            weights and use it for all images outside training. It averages over about the last
            `1 / (1 − ema_momentum)` updates, but never over more than about a tenth of all updates so far. If the
            generator's weights are changed outside training, as by `set_weights`, the EMA becomes a copy of them.
            `None` keeps no EMA.
        augmentation: differentiable Keras layer from images to images, such as
            `keras_dcgan.augmentation.DiffAugment()`. During training it is applied to all images that the
            discriminator sees, real and generated. It delays overfitting in long runs on small datasets.
        seed: int, seed for the latent vectors and the order of arrays of images. `None` draws different ones on every
            run.
        **kwargs: `name`, `dtype` and `trainable`, as for any Keras model.

    Attributes:
        generator, discriminator: the two networks.
        ema_generator: the EMA of the generator, or None without `ema_momentum`.
        g_opt, d_opt: their optimizers, after `compile`.
        recipe: `keras_dcgan.presets.Recipe`, the defaults of `compile` and `fit`.
        epochs_trained: int, epochs of all calls of `fit`; the value for `initial_epoch` to continue an interrupted run.
        latent_dim: int.
        image_shape: `(height, width, channels)`.

    Raises:
        TypeError: a network is not a Keras model with known input and output shapes, the augmentation is not a Keras
            layer, or the seed is not an integer.
        ValueError: the networks do not fit each other, the discriminator's output is bounded, the prior is unknown, the
            range or momentum is invalid, the augmentation changes the shape of the images or has another range, or an
            argument is unknown.

    Example:
        >>> gan = keras_dcgan.DCGAN.from_preset("recommended", seed=0)
        >>> gan.compile()
        >>> gan.fit(images, epochs=10)
        >>> gan.generate(25, seed=1).shape
        (25, 28, 28, 1)

    Reference:
        Goodfellow et al., Generative Adversarial Nets, 2014; Radford, Metz and Chintala, Unsupervised Representation
        Learning with Deep Convolutional Generative Adversarial Networks, 2016; for the EMA, Yazıcı et al., The Unusual
        Effectiveness of Averaging in GAN Training, 2019, section 3; for the augmentation, Zhao et al., Differentiable
        Augmentation for Data-Efficient GAN Training, 2020.
    """

    _conditional = False
    num_classes: int | None = None  # of ConditionalDCGAN
    class_names: list[str] | None = None

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        latent_prior: Literal["normal", "uniform"] = "normal",
        value_range: Sequence[float] = (-1, 1),
        ema_momentum: float | None = None,
        augmentation: keras.layers.Layer | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        own = {*inspect.signature(DCGAN).parameters, *inspect.signature(type(self)).parameters} - {"kwargs"}
        validation.check_arguments(f"{type(self).__name__}()", kwargs, ("name", "dtype", "trainable"), own, ValueError)
        super().__init__(**kwargs)
        latents.check_prior(latent_prior)
        self.latent_prior = latent_prior
        self.value_range = images.check_value_range(value_range)
        self.latent_dim, self.image_shape = validation.check_networks(
            generator, discriminator, self.value_range, conditional=self._conditional
        )
        self.generator = generator
        self.discriminator = discriminator
        validation.check_momentum(ema_momentum)
        self.ema_momentum = None if ema_momentum is None else float(ema_momentum)
        self.ema_generator = None if ema_momentum is None else blocks.frozen_copy(generator)
        self._known_checksums = self._checksums()
        validation.check_augmentation(augmentation, self.image_shape, self.value_range)
        self.augmentation = augmentation
        validation.check_seed(seed, optional=True)
        self.seed = None if seed is None else int(seed)
        # mixed, because PyTorch draws by the sum of the seed and the number of the draw: 1, 2, 3, … and 2, 3, 4, …
        self.seed_generator = keras.random.SeedGenerator(validation.mix_seed(self.seed))
        self._evaluation_seeds = keras.random.SeedGenerator(0)  # evaluation does not use the random stream of training
        self._trackers = [
            keras.metrics.Mean(name=name) for name in ("g_loss", "d_loss", "real_accuracy", "fake_accuracy")
        ]
        self.recipe = presets.Recipe()
        inputs = [keras.KerasTensor(x.shape, x.dtype) for x in generator.inputs]
        self(inputs if self._conditional else inputs[0])  # builds the model

    @classmethod
    def from_preset(
        cls, name: str | presets.Preset, *, load_weights: bool = False, seed: int | None = None, **overrides: Any
    ) -> Self:
        """Creates a model with the networks and the training recipe of a preset.

        Args:
            name: one of `keras_dcgan.presets.names(conditional=False)`, for `ConditionalDCGAN`
                `names(conditional=True)`. Start with "recommended" or "recommended_conditional". Or a
                `keras_dcgan.presets.Preset` of your own.
            load_weights: bool, whether to load the preset's trained generator: "recommended_cifar10" and
                "recommended_fashion_mnist" of `ConditionalDCGAN` have one. The discriminator is new.
            seed: int, seed for the initial weights, the dropout masks, the latent vectors and the order of arrays of
                images. `None` draws different ones on every run.
            **overrides: arguments of the builders (`image_shape`, `latent_dim`, `num_classes`, `width`, …), passed to
                both if both take them, and of the model (`latent_prior`, `value_range`, `ema_momentum`,
                `augmentation`, `class_names`). "recommended_conditional" and "radford_28_conditional" need
                `class_names` or `num_classes`; presets of a dataset with ten classes default to 10.

        Returns:
            The model, not yet compiled.

        Raises:
            ValueError: the preset or an override is unknown, the number of classes is missing, the networks cannot be
                built, or there are no trained weights for the preset or the overrides.
            TypeError: the seed is not an integer.

        Example:
            >>> keras_dcgan.DCGAN.from_preset("radford_64", image_shape=(128, 128, 3), depth=5, width=0.5)
        """
        preset = presets.get(name)
        argument = f'"{name}"' if isinstance(name, str) else "preset"
        if preset.conditional != cls._conditional:
            model = "ConditionalDCGAN" if preset.conditional else "DCGAN"
            raise ValueError(
                f"This preset's networks take {'labels' if preset.conditional else 'no labels'}: use "
                f"{model}.from_preset({argument}). Received: name={argument}"
            )
        own = {*inspect.signature(DCGAN).parameters, *inspect.signature(cls).parameters}
        own -= {"generator", "discriminator", "seed", "kwargs"}
        validation.check_overrides(argument, overrides, {*preset.arguments(), *own}, load_weights)
        if (class_names := overrides.get("class_names")) is not None:
            overrides["num_classes"] = len(validation.check_class_names(class_names, overrides.get("num_classes")))
        generator, discriminator = preset.build(seed=seed, **overrides)
        arguments = preset.model | {key: value for key, value in overrides.items() if key in own}
        if load_weights and (trained_on := presets.load_weights(name, generator)):
            arguments["class_names"] = trained_on
        gan = cls(generator, discriminator, seed=seed, **arguments)
        gan.recipe = preset.recipe
        return gan

    def compile(
        self,
        g_opt: keras.optimizers.Optimizer | str | None = None,
        d_opt: keras.optimizers.Optimizer | str | None = None,
        loss: Any = None,
        *,
        penalties: Sequence[Penalty] | None = None,
        update: Literal["simultaneous", "alternating"] | None = None,
        discriminator_steps: int | None = None,
        **kwargs: Any,
    ) -> None:
        """Configures the training. `None` means the value of the preset's recipe, otherwise the default given here.

        Args:
            g_opt: Keras optimizer for the generator, or its name. Default: Adam(2e-4, beta_1=0.5).
            d_opt: the same for the discriminator; another object, because an optimizer keeps its own step count and
                moments.
            loss: a name ("non_saturating", "minimax", "least_squares", "hinge", "wasserstein", "relativistic"), an
                object of `keras_dcgan.losses`, `keras.losses.BinaryCrossentropy(from_logits=True)`, or a pair of
                functions `(generator_loss(fake_logits), discriminator_loss(real_logits, fake_logits))`. Default:
                non-saturating cross-entropy.
            penalties: list of objects of `keras_dcgan.penalties`, added to the discriminator's loss. Default: none.
                `()` switches off those of a recipe.
            update: "simultaneous" (default) computes both gradients at the same weights, from one forward pass of the
                generator; "alternating" updates the discriminator first, then the generator against the new
                discriminator, on the same generated images.
            discriminator_steps: int, updates of the discriminator per update of the generator. Each batch is cut into
                as many equal parts, one per update of the discriminator, each with fresh latent vectors; the generator
                is updated on the last part. Default: 1.
            **kwargs: `run_eagerly`, `steps_per_execution` and `jit_compile`, as in `keras.Model.compile`. With JAX on a
                GPU, `steps_per_execution` steps are one call of the device, which speeds up small networks.

        Raises:
            ValueError: an unknown loss or update mode, a loss that does not take logits or does not return a float
                scalar, one optimizer for both networks, a network without trainable weights, layers in mixed_float16
                (use mixed_bfloat16, which needs no loss scaling), or on PyTorch `jit_compile=True` or
                `keras.layers.SpectralNormalization`.
            TypeError: an optimizer, loss or penalty of another type, or an unknown argument.
        """
        validation.check_compile_arguments(self, kwargs)
        validation.check_trainable(self)
        given = {
            "g_opt": g_opt,
            "d_opt": d_opt,
            "loss": loss,
            "penalties": penalties,
            "update": update,
            "discriminator_steps": discriminator_steps,
        }
        recipe = replace(self.recipe, **{name: value for name, value in given.items() if value is not None})
        validation.check_update(recipe.update)
        steps = validation.check_count("discriminator_steps", recipe.discriminator_steps)
        loss, checked_penalties = losses.get(recipe.loss), get_penalties(recipe.penalties, self._conditional)
        of_generator, of_discriminator, both = optimizers.both(recipe, self.generator, self.discriminator)
        updates = self.optimizer.iterations.numpy() if self.compiled else 0
        super().compile(optimizer=both, **kwargs)
        self.optimizer.build(self.trainable_variables)
        self.optimizer.iterations.assign(updates)  # those of the model: its EMA and the order of arrays continue
        self._compiled_variables = tuple(map(id, self.trainable_variables))
        self._compile_arguments = given | kwargs  # for saving: None stays None, and "auto" differs between machines
        self._initial_rates = {
            name: float(ops.convert_to_numpy(optimizer.learning_rate))
            for name, optimizer in (("g_opt", of_generator), ("d_opt", of_discriminator))
            if given[name] is None
        }
        self.g_opt, self.d_opt, self.loss = of_generator, of_discriminator, loss
        self.penalties, self.update, self.discriminator_steps = checked_penalties, recipe.update, steps

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
        """Trains on images: `keras.Model.fit` with input checks and exact resuming.

        Takes the arguments of `keras.Model.fit`, except `sample_weight` and `class_weight`. Under
        `keras.callbacks.BackupAndRestore`, training resumes exactly. Warns if float images seem to be scaled to [0, 1]
        where `value_range` is [-1, 1], and if an array, or the first epoch of a source of batches, lacks images of some
        classes.

        Args:
            x: uint8 or float images `(n, height, width, channels)`, or a source of batches (tf.data.Dataset,
                PyDataset, torch DataLoader or generator).
            y: for a conditional model, if `x` is an array: integer labels or class names, `(n,)` or `(n, 1)`.
                Otherwise None.
            batch_size: int, or None for the recipe's (32 by default). A recipe's decay sets the learning rates of its
                optimizers at the beginning of every epoch.
            epochs: int, as in Keras.
            verbose: as in Keras.
            callbacks: list of `keras.callbacks.Callback`.
            validation_split: float, the share of an array, at its end, that becomes `validation_data`, as in Keras.
            validation_data: held-out data in any form that training data may have. The `validation_steps` batches of a
                generator are kept in memory, because every validation needs the same.
            shuffle: as in Keras. The order of an array depends on the model's random state, so a resumed run sees the
                same order, except with `shuffle="batch"`, several processes or several JAX devices. Data with a method
                `set_epoch` (`datasets.ImageFolder`, a DataLoader's DistributedSampler) shuffles itself.
            **kwargs: the other arguments of `keras.Model.fit`.

        Returns:
            `keras.callbacks.History` with `loss`, `g_loss`, `d_loss`, `real_accuracy` and `fake_accuracy`.

        Raises:
            ValueError: the model is not compiled, or the data is invalid. The model is unchanged; with a source of
                batches, it keeps the state after the last valid batch.
            TypeError: the data has an unsupported type.
        """
        if not self.compiled:
            raise ValueError("The model must be compiled before training: call compile(). Received: no compile()")
        for name in ("sample_weight", "class_weight"):
            validation.check_no_weights(kwargs.pop(name, None), name)
        if isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks = callbacks.callbacks
        callbacks = keras.tree.flatten(callbacks or [])
        validation.check_callback_order(callbacks)
        kwargs |= {"batch_size": batch_size, "epochs": epochs, "validation_split": validation_split}
        kwargs = validation.check_fit_arguments(**kwargs)
        split = kwargs.pop("validation_split")
        if split and validation_data is None:
            x, y, validation_data = data.split(x, y, split)
        batch_size = kwargs["batch_size"] = kwargs["batch_size"] or self.recipe.batch_size
        multiple = backend.batch_multiple(self) * self.discriminator_steps
        train = data.checked(self, x, y, batch_size, multiple, "steps_per_epoch", kwargs)
        held_out = None
        if validation_data is not None:
            val_x, val_y, val_weights = keras.utils.unpack_x_y_sample_weight(validation_data)
            validation.check_no_weights(val_weights, "sample_weight")
            val_size = kwargs.get("validation_batch_size") or batch_size
            val_x = data.in_memory(val_x, kwargs.get("validation_steps"))
            multiple = backend.batch_multiple(self)
            held_out = data.checked(self, val_x, val_y, val_size, multiple, "validation_steps", kwargs, before=train)
            val_x, val_y, _ = data.batched(held_out.x, held_out.y, val_size, False, self)
            validation_data = val_x if val_y is None else (val_x, val_y)
        if self.recipe.decay is not None:
            rates = [(getattr(self, name), rate) for name, rate in self._initial_rates.items()]
            callbacks = [optimizers.LinearDecay(rates, self.recipe.decay, epochs), *callbacks]
        callbacks = [*checkpoints.resuming(callbacks), *data.epoch_callbacks(x, train)]
        if not data.is_shuffled_by_keras(x):
            shuffle = False
        x, y, shuffle = data.batched(train.x, train.y, batch_size, shuffle, self)
        try:
            with data.original_errors(train, held_out), self._training():
                return super().fit(
                    x,
                    y,
                    verbose=0 if backend.process_id() else verbose,
                    callbacks=callbacks,
                    validation_data=validation_data,
                    shuffle=shuffle,
                    **kwargs,
                )
        finally:
            self._forget_epoch()

    @backend.step
    def train_step(self, data: Any) -> dict[str, Any]:
        """Updates the discriminator `discriminator_steps` times, and the generator once.

        Args:
            data: `(batch, height, width, channels)` images, or with labels `(images, labels)`. On JAX, Keras's trainer
                passes `(state, data)` and receives `(logs, state)`.

        Returns:
            dict of float32 scalars, averages over the epoch so far: `loss` (= g_loss + d_loss), `g_loss`, `d_loss`,
            and `real_accuracy` and `fake_accuracy`, the fractions of logits with the correct sign. `d_loss` includes
            the penalties. With several discriminator steps, the values are those of the last one.
        """
        images, labels = self._unpack(data)
        for layer in self._spectral_normalizations():
            layer.update_state()
        *first_parts, last_part = self._split_batch(images, labels)
        for real, labels in first_parts:
            fake = self._generate(self._draw_latents(real), labels, training=True)
            self._update_discriminator(real, ops.stop_gradient(fake), labels)
        real, labels = last_part
        update = self._update_both if self.update == "simultaneous" else self._update_alternately
        results = update(real, self._draw_latents(real), labels)
        self.optimizer.iterations.assign_add(1)
        if self.ema_generator is not None:
            self._update_ema()
        return self._log(*results)

    def _update_both(self, real, z, labels):
        """Updates both networks with gradients at the same weights, from one forward pass."""
        g_variables, d_variables = self.generator.trainable_variables, self.discriminator.trainable_variables

        def forward():
            fake = self._generate(z, labels, training=True)
            d_loss, (real_logits, fake_logits) = self._discriminator_loss(real, fake, labels)
            return (self._g_loss(fake_logits, real_logits), d_loss), (real_logits, fake_logits)

        # g_loss is differentiated with respect to the generator's weights only, d_loss to the discriminator's
        (g_loss, d_loss), logits, (g_gradients, d_gradients) = backend.gradients(
            self, forward, g_variables, d_variables
        )
        backend.apply(self.g_opt, g_gradients, g_variables)
        backend.apply(self.d_opt, d_gradients, d_variables)
        return g_loss, d_loss, *logits

    def _update_alternately(self, real, z, labels):
        """Updates the discriminator, then the generator against the new discriminator, on the same fake images."""
        variables = self.generator.trainable_variables

        def forward():
            fake = self._generate(z, labels, training=True)
            d_results = self._update_discriminator(real, ops.stop_gradient(fake), labels)
            fake_logits = self._discriminate(fake, labels, training=True)
            real_logits = self._discriminate(real, labels, training=True) if losses.is_relativistic(self.loss) else None
            return (self._g_loss(fake_logits, real_logits),), d_results

        (g_loss,), d_results, (gradients,) = backend.gradients(self, forward, variables)
        backend.apply(self.g_opt, gradients, variables)
        return g_loss, *d_results

    def _update_discriminator(self, real, fake, labels):
        """Updates the discriminator on real and fake images."""
        variables = self.discriminator.trainable_variables

        def forward():
            d_loss, logits = self._discriminator_loss(real, fake, labels)
            return (d_loss,), logits

        (d_loss,), logits, (gradients,) = backend.gradients(self, forward, variables)
        backend.apply(self.d_opt, gradients, variables)
        return d_loss, *logits

    def _discriminator_loss(self, real, fake, labels):
        """The discriminator's loss in training, penalties included, and its logits for real and fake images."""
        real_logits = self._discriminate(real, labels, training=True)
        fake_logits = self._discriminate(fake, labels, training=True)
        d_loss = self._d_loss(real_logits, fake_logits) + self._penalty(real, fake, labels)
        return d_loss, (real_logits, fake_logits)

    def _g_loss(self, fake_logits, real_logits):
        return losses.generator_loss(self.loss, fake_logits, real_logits) + sum(self.generator.losses)

    def _d_loss(self, real_logits, fake_logits):
        return self.loss.discriminator(real_logits, fake_logits) + sum(self.discriminator.losses)

    def _penalty(self, real, fake, labels):
        if not self.penalties:
            return 0.0
        state = [(v, v.value) for v in self.variables]

        def discriminate(images):
            with keras.StatelessScope(state):  # discards changes, such as those of moving averages
                return self._discriminate(images, labels, training=True)

        discriminate.labels = None if labels is None else ops.reshape(ops.cast(labels, "int32"), (-1,))  # type: ignore[attr-defined]
        discriminate.seed_generator = self.seed_generator  # type: ignore[attr-defined]
        return total_penalty(self, discriminate, real, ops.stop_gradient(fake))

    def _update_ema(self):
        """Moves the EMA toward the generator, weights and batch statistics alike.

        The first update copies the generator, so that the EMA forgets the initial weights. The steps then get smaller:
        the EMA averages over about the last tenth of all updates until it reaches the momentum.
        """
        assert self.ema_generator is not None
        assert self.ema_momentum is not None
        updates = ops.cast(self.optimizer.iterations, "float32")
        rate = ops.maximum(1 - self.ema_momentum, 10 / (updates + 9))
        for average, value in zip(self.ema_generator.weights, self.generator.weights, strict=True):
            average.assign_add(ops.cast(rate, average.dtype) * (value - average))

    def _split_batch(self, images, labels):
        """The parts of a batch, one per discriminator step: a list of pairs of images and labels."""
        steps = self.discriminator_steps
        if steps == 1:
            return [(images, labels)]
        parts = [backend.shard(part) for part in ops.split(images, steps)]
        if labels is None:
            return [(part, None) for part in parts]
        return list(zip(parts, map(backend.shard, ops.split(labels, steps)), strict=True))

    def _draw_latents(self, real, seed=None):
        """Latent vectors for as many images as `real`."""
        return backend.shard(self.sample_latents(ops.shape(real)[0], seed))

    def _spectral_normalizations(self):
        return [x for x in self._flatten_layers() if isinstance(x, layers.SpectralNormalization)]

    @backend.step
    def test_step(self, data: Any) -> dict[str, Any]:
        """Computes losses and accuracies on a batch, with both networks in inference mode.

        Args:
            data: as in `train_step`.

        Returns:
            dict of float32 scalars with the keys of `train_step`.
        """
        real, labels = self._unpack(data)
        z = self._draw_latents(real, self._evaluation_seeds)
        real_logits = self._discriminate(real, labels, training=False)
        fake_logits = self._discriminate(self._generate(z, labels, training=False), labels, training=False)
        g_loss, d_loss = self._g_loss(fake_logits, real_logits), self._d_loss(real_logits, fake_logits)
        return self._log(g_loss, d_loss, real_logits, fake_logits)

    def _log(self, g_loss, d_loss, real_logits, fake_logits):
        n = ops.shape(real_logits)[0]
        correct = [ops.mean(ops.cast(side, "float32")) for side in (real_logits > 0, fake_logits < 0)]
        g_loss, d_loss, *accuracies = backend.mean([g_loss, d_loss, *correct])
        self._loss_tracker.update_state(g_loss + d_loss, sample_weight=n)
        for tracker, value in zip(self._trackers, (g_loss, d_loss, *accuracies), strict=True):
            tracker.update_state(value, sample_weight=n)
        return self.get_metrics_result()

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: None = None,
        **kwargs: Any,
    ) -> Any:
        """Computes losses and accuracies on held-out images in inference mode, like `keras.Model.evaluate`.

        The latent vectors are the same in every call, so values of different epochs can be compared. They are not
        taken from the training's random stream. `d_loss` excludes the penalties. Generated images come from the EMA of
        the generator if there is one.

        Args:
            x, y: as in `fit`.
            batch_size: int or None, as in Keras.
            verbose: as in Keras.
            sample_weight: must be None.
            **kwargs: the other arguments of `keras.Model.evaluate`.

        Returns:
            As in Keras: list of values, or a dict with `return_dict=True`.

        Raises:
            ValueError, TypeError: as in `fit`.
        """
        validation.check_no_weights(sample_weight, "sample_weight")
        kwargs = validation.check_fit_arguments(batch_size=batch_size, **kwargs)
        held_out = None
        if not kwargs.get("_use_cached_eval_dataset"):  # fit() has checked it, and a generator can be read only once
            batch_size, multiple = kwargs["batch_size"] or 32, backend.batch_multiple(self)
            held_out = data.checked(self, x, y, batch_size, multiple, "steps", kwargs)
            x, y = held_out.x, held_out.y
            if kwargs.get("steps") is None:  # with steps, Keras chooses the batch size of arrays
                x, y, _ = data.batched(x, y, batch_size, False, self)
        self._follow_generator()
        with data.original_errors(held_out), backend.restored(self):
            self._evaluation_seeds.state.assign([0, 0])
            return super().evaluate(x, y, verbose=0 if backend.process_id() else verbose, **kwargs)

    def predict(self, x: Any, batch_size: int | None = None, verbose: int | str = "auto", **kwargs: Any) -> np.ndarray:
        """Generates images from latent vectors, in `value_range`, like `keras.Model.predict`.

        Args:
            x: latent vectors `(n, latent_dim)`, or for a conditional model `[latents, labels]`, labels as numbers
                or class names.
            batch_size: int or None, as in Keras.
            verbose: as in Keras.
            **kwargs: the other arguments of `keras.Model.predict`. On JAX, devices do not share the work.

        Returns:
            float32 NumPy array `(n, height, width, channels)`.

        Raises:
            ValueError: the latent vectors or labels are invalid.
        """
        kwargs = validation.check_fit_arguments(batch_size=batch_size, **kwargs)
        x = self._with_numbers(x)
        inputs = data.CheckedData(x, None, lambda inputs, *_: self._check_inputs(inputs), arguments=kwargs)
        self._follow_generator()
        with data.original_errors(inputs), backend.restored(self), backend.local_scope():
            return super().predict(inputs.x, verbose=0 if backend.process_id() else verbose, **kwargs)

    def train_on_batch(
        self, x: Any, y: Any = None, sample_weight: None = None, class_weight: None = None, return_dict: bool = False
    ) -> Any:
        """Runs one training step on one batch, as in Keras; arguments and errors as in `fit`."""
        validation.check_no_weights(sample_weight, "sample_weight")
        validation.check_no_weights(class_weight, "class_weight")
        x, y = self._check_batch(x, y, backend.batch_multiple(self) * self.discriminator_steps)
        with self._training(), signals.deferred():
            return super().train_on_batch(x, y, return_dict=return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: None = None, return_dict: bool = False) -> Any:
        """Computes losses and accuracies on one batch, as in Keras; arguments and errors as in `evaluate`."""
        validation.check_no_weights(sample_weight, "sample_weight")
        x, y = self._check_batch(x, y, backend.batch_multiple(self))
        self._follow_generator()
        with backend.restored(self), signals.deferred():
            return super().test_on_batch(x, y, return_dict=return_dict)

    def predict_on_batch(self, x: Any) -> np.ndarray:
        """Generates images for one batch of latent vectors, as in Keras; argument and errors as in `predict`."""
        x = validation.native(self._with_numbers(x))
        self._check_inputs(x)
        generator = self._generator_for_inference()
        with backend.readable(self):
            return predict_on_batch(generator, x)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Generates images from latent vectors.

        Args:
            inputs: `(batch, latent_dim)` float32 latent vectors; for `ConditionalDCGAN` `[latents, labels]`.
            training: bool, False for inference mode: the EMA, if there is one, and moving averages in batch
                normalization.

        Returns:
            `(batch, height, width, channels)` float32 in `value_range`.

        Raises:
            ValueError: latent vectors of another size, or labels outside the range.
        """
        z, labels = self._split_inputs(inputs)
        if backend.to_numpy_or_none(z) is not None:  # called directly, not by a step
            self._follow_generator()
        return self._generate(z, labels, training=training)

    def sample_latents(self, n: int, seed: int | keras.random.SeedGenerator | None = None) -> Any:
        """Draws latent vectors from the prior. `train_step` uses this method, so a subclass can override it.

        Args:
            n: int, number of vectors.
            seed: int for latent vectors that are the same in every run and on every backend; a
                `keras.random.SeedGenerator`; or None to draw from the training's random stream.

        Returns:
            `(n, latent_dim)` float32 tensor.
        """
        with backend.readable(self):
            seed = self.seed_generator if seed is None else seed
            return latents.sample((n, self.latent_dim), self.latent_prior, seed)

    def generate(
        self,
        n: int | None = None,
        *,
        latents: Array | None = None,
        labels: ArrayLike | None = None,
        seed: int | None = None,
        batch_size: int = 128,
    ) -> np.ndarray:
        """Generates images in inference mode. Training and its random state are not affected.

        Several threads may call this method at once, also while the model trains.

        Args:
            n: int, number of images; optional if `latents` or `labels` are given.
            latents: `(n, latent_dim)` floats. `None` draws them from the prior.
            labels: for a conditional model: an integer or a class name for all images, or `(n,)` of these. `None` uses
                each class in turn.
            seed: int for the same images every time. `None` draws different ones on every call.
            batch_size: int, images per call of the network.

        Returns:
            uint8 NumPy array `(n, height, width, channels)`.

        Raises:
            ValueError, TypeError: an argument is invalid.

        Example:
            >>> gan.generate(25, seed=1)
        """
        validation.check_count("batch_size", batch_size)
        if latents is not None:
            validation.check_latents(latents, self.latent_dim)
        counts = [np.shape(given)[0] for given in (latents, labels) if given is not None and np.ndim(given)]
        if n is None and not counts:
            raise ValueError(
                "generate() needs `n`, `latents` or `labels` to determine the number of images. Received: none of them"
            )
        n = counts[0] if n is None else n
        validation.check_count("n", n)
        if any(count != n for count in counts):
            raise ValueError(f"`n`, `latents` and `labels` must have the same length. Received: {n} and {counts}")
        given_labels = self._labels_for_generation(labels, n)
        if latents is None:
            latents = self.sample_latents(n, keras.random.SeedGenerator() if seed is None else seed)
        latents = validation.as_numpy(latents)
        inputs = latents if given_labels is None else [latents, given_labels]
        generator = self._generator_for_inference()
        made = np.empty((n, *self.image_shape), "uint8")
        for i in range(0, n, batch_size):
            part = slice(i, i + batch_size)
            with backend.readable(self):
                batch = predict_on_batch(generator, keras.tree.map_structure(operator.itemgetter(part), inputs))
            made[part] = images.to_uint8(batch, self.value_range)
        return made

    def save_samples(
        self,
        folder: str | os.PathLike[str],
        n: int,
        *,
        labels: ArrayLike | None = None,
        seed: int | None = None,
        batch_size: int = 128,
    ) -> None:
        """Saves generated images as PNG files, for tools that compute metrics of folders.

        The files are named `00000.png`, `00001.png`, …; those of a conditional model are in one subfolder per class,
        named by the class or its number. They are the images of `generate` with the same arguments.

        Args:
            folder: path of a folder that is empty or does not exist yet.
            n: int, number of images.
            labels, seed, batch_size: as in `generate`.

        Raises:
            ValueError, TypeError: an argument is invalid, or the folder is not empty.

        Example:
            >>> gan.save_samples("samples", 10_000, seed=0)
        """
        validation.check_count("n", n)
        labels = self._labels_for_generation(labels, n)
        target = validation.check_empty_folder(folder)
        made = self.generate(n, labels=labels, seed=seed, batch_size=batch_size)
        subfolders = [""] * n if labels is None else self._subfolders(np.ravel(labels))
        with files.replacing_folder(target) as temporary:
            for subfolder in set(subfolders):
                (temporary / subfolder).mkdir(parents=True, exist_ok=True)
            for i, (image, subfolder) in enumerate(zip(made, subfolders, strict=True)):
                images.grid(image, gap=0).save(temporary / subfolder / f"{i:05d}.png")

    def discriminate(self, images: Array, *, batch_size: int = 128) -> np.ndarray:
        """Computes the discriminator's logits in inference mode, positive for "real".

        Args:
            images: `(n, height, width, channels)`, uint8 or float in `value_range`.
            batch_size: int, images per call of the network.

        Returns:
            float32 NumPy array `(n,)`.

        Raises:
            ValueError, TypeError: an argument is invalid.

        Example:
            >>> gan.discriminate(images[:5]) > 0
        """
        return self._logits(images, None, batch_size)

    def _logits(self, x, labels, batch_size):
        with self._reading(x, batch_size) as x:
            logits = features.predict_images(self.discriminator, x, labels, self.value_range, batch_size)
            return np.concatenate(list(logits))[:, 0]

    def invert(
        self,
        images: Array,
        *,
        steps: int = 500,
        learning_rate: float = 0.05,
        seed: int = 0,
        batch_size: int = 128,
    ) -> np.ndarray:
        """Finds latent vectors that reproduce images, by gradient descent (Adam) on the squared error.

        If the reproductions stay far from the images, the generator cannot produce them, or the search is stuck: try
        another seed. Every image is inverted independently. Neither the model nor its random state changes.

        Args:
            images: `(n, height, width, channels)`, uint8 or float in `value_range`.
            steps: int, steps of gradient descent.
            learning_rate: float.
            seed: int, for the initial latent vectors.
            batch_size: int, images that are inverted in parallel.

        Returns:
            float32 NumPy array `(n, latent_dim)`, within −1 to 1 for a uniform prior.

        Raises:
            ValueError, TypeError: an argument is invalid.

        Example:
            >>> z = gan.invert(images[:10])
            >>> reproductions = gan.generate(latents=z)

        Reference:
            Lipton and Tripathi, Precise Recovery of Latent Vectors from Generative Adversarial Networks, 2017.
        """
        return self._invert(images, None, steps, learning_rate, seed, batch_size)

    def _invert(self, x, labels, steps, learning_rate, seed, batch_size):
        validation.check_count("steps", steps)
        validation.check_count("batch_size", batch_size)
        validation.check_seed(seed)
        x = validation.native(x)
        validation.check_images(x, self.image_shape, self.value_range)
        x = validation.as_numpy(images.rescale(keras.ops.convert_to_tensor(x), self.value_range))
        with backend.local_scope():
            with backend.readable(self):
                generator = blocks.frozen_copy(self._generator_for_inference())
            return latents.invert(
                generator,
                x,
                labels,
                self.latent_prior,
                steps=steps,
                learning_rate=learning_rate,
                seed=seed,
                batch_size=batch_size,
            )

    def features(self, images: Array, *, batch_size: int = 128) -> np.ndarray:
        """Extracts features that the discriminator has learned without labels, for a linear classifier.

        The output of every convolutional layer (after its normalization and activation, in inference mode) is
        max-pooled to a 4×4 grid; all are flattened and concatenated, from the first layer to the last.

        Args:
            images: `(n, height, width, channels)`, uint8 or float in `value_range`.
            batch_size: int, images per call of the network.

        Returns:
            float32 NumPy array `(n, 16 · filters)`, with the filters of all convolutional layers.

        Raises:
            ValueError, TypeError: an argument is invalid, or the discriminator has no convolutional layers.

        Example:
            >>> classifier = sklearn.svm.LinearSVC().fit(gan.features(images), labels)
            >>> classifier.score(gan.features(test_images), test_labels)

        Reference:
            Radford, Metz and Chintala, Unsupervised Representation Learning with Deep Convolutional Generative
            Adversarial Networks, 2016, section 5.1.
        """
        return self._features(images, None, batch_size)

    def _features(self, x, labels, batch_size):
        with self._reading(x, batch_size) as x:
            return features.extract(self.discriminator, x, labels, self.value_range, batch_size)

    @contextlib.contextmanager
    def _reading(self, x, batch_size):
        """Checks images for the discriminator, and keeps its weights readable in the body."""
        validation.check_count("batch_size", batch_size)
        x = validation.native(x)
        validation.check_images(x, self.image_shape, self.value_range)
        with backend.readable(self):
            yield x

    def export(
        self,
        filepath: str | os.PathLike[str],
        format: Literal["tf_saved_model", "onnx", "litert"] | None = None,
        verbose: bool | None = False,
        **kwargs: Any,
    ) -> None:
        """Exports the generator for inference without Keras and without this package.

        The exported model takes latent vectors `(n, latent_dim)` float32, named `latents`, and for a conditional model
        labels, named `labels`, int32 of shape `(n,)` for the presets, for any n. It returns images
        `(n, height, width, channels)` float32 in `value_range`, in ONNX named `images`. It computes in float32, even if
        the model was trained in mixed precision. The metadata of an ONNX file contains `value_range`, `latent_prior`
        and `class_names` as JSON.

        Args:
            filepath: path: a folder for "tf_saved_model", a file that ends in .onnx or .tflite otherwise.
            format: "tf_saved_model" (TensorFlow, JAX), "onnx" (all backends) or "litert" (TensorFlow). `None` infers it
                from the suffix: .onnx, .tflite, or none for "tf_saved_model".
            verbose: bool, whether the converter prints messages, as in Keras.
            **kwargs: none. Other arguments of `keras.Model.export` are refused.

        Raises:
            ValueError: the format is unknown or not available on this backend, the suffix does not match, or the path
                is an existing file or folder of another kind.
            TypeError: an unknown argument.
            ImportError: a required package is missing; the message gives the command that installs it.

        Example:
            >>> gan.export("generator.onnx")
        """
        validation.check_arguments("export()", kwargs, (), ("filepath", "format", "verbose"))
        metadata = {
            "value_range": list(self.value_range),
            "latent_prior": self.latent_prior,
            "class_names": self.class_names,
        }
        with backend.readable(self):
            export.export(self._generator_for_inference(), filepath, format, verbose, metadata)

    def summary(self, *args: Any, **kwargs: Any) -> None:
        """Prints the layers of the generator and of the discriminator; arguments as in `keras.Model.summary`."""
        self.generator.summary(*args, **kwargs)
        self.discriminator.summary(*args, **kwargs)

    # overridden by ConditionalDCGAN

    def _generate(self, z, labels, training):
        return self._generator_for(training)(z, training=training)

    def _discriminate(self, x, labels, training):
        return self.discriminator(self._augment(x, training), training=training)

    def _class_numbers(self, labels):
        """Labels, with class names replaced by their numbers."""
        return labels

    def _with_numbers(self, inputs):
        """The inputs of `predict`, with class names replaced by their numbers."""
        return inputs

    def _split_inputs(self, inputs):
        validation.check_latents(inputs, self.latent_dim)
        return inputs, None

    def _labels_for_generation(self, labels, n):
        if labels is not None:
            raise ValueError(
                "`labels` are for conditional models: use ConditionalDCGAN, or leave them out. Received: labels"
            )

    def _check_inputs(self, inputs):
        validation.check_latents(inputs, self.latent_dim)

    # shared by both models

    def _unpack(self, data):
        """A batch as float32 images in `value_range`, and labels or None."""
        real, labels, _ = keras.utils.unpack_x_y_sample_weight(data)
        validation.check_shape(real, self.image_shape)  # the step is traced before the first batch is checked
        if self._conditional and labels is None:
            validation.check_labels(labels, real.shape[0], self.num_classes)
        return images.rescale(real, self.value_range), labels

    def _expected(self):
        """The arguments of `validation.check_training`."""
        return {"image_shape": self.image_shape, "value_range": self.value_range, "num_classes": self.num_classes}

    def _check_batch(self, x, y, multiple):
        """A batch in native byte order; raises unless the model can be trained on it."""
        x, y = validation.native((x, self._class_numbers(y)))
        validation.check_training(x, y, **self._expected())
        validation.check_batch_size(len(x), multiple)
        validation.warn_of_half_range(x, self.value_range)
        return x, y

    def _generator_for(self, training):
        """The generator in training; otherwise its EMA, if there is one."""
        return self.generator if training or self.ema_generator is None else self.ema_generator

    def _generator_for_inference(self):
        self._follow_generator()
        return self._generator_for(training=False)

    def _augment(self, x, training):
        """Images, real or fake, as the discriminator sees them."""
        return self.augmentation(x, training=True) if training and self.augmentation is not None else x

    # changes between runs

    @contextlib.contextmanager
    def _training(self):
        """Trains in the body."""
        if self.compiled and tuple(map(id, self.trainable_variables)) != self._compiled_variables:
            raise ValueError(
                "The `trainable` of a layer has changed, which takes effect only in compile(): call compile() again. "
                "Received: other trainable variables than those compiled"
            )
        self._follow_generator()
        try:
            with backend.restored(self):
                yield
        finally:
            self._known_checksums = self._checksums()

    def _follow_generator(self):
        """Copies the generator to its EMA if its weights, and not the EMA's, were changed outside training."""
        if self.ema_generator is None or self._epochs is not None:
            return
        now, known = self._checksums(), self._known_checksums
        if now[0] != known[0] and now[1] == known[1]:
            self.ema_generator.set_weights(self.generator.get_weights())
            now = self._checksums()
        self._known_checksums = now

    def _checksums(self):
        """Checksums of the weights of the generator and of its EMA; none without an EMA."""
        networks = () if self.ema_generator is None else (self.generator, self.ema_generator)
        with backend.readable(self):
            return tuple(functools.reduce(_adler32, network.weights, 1) for network in networks)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("generator", "discriminator") and hasattr(self, name):
            raise AttributeError(
                f"`{name}` cannot be replaced, because optimizers and checkpoints belong to it: call "
                f"{name}.set_weights(), or create a new model. Received: {name}={value!r}"
            )
        super().__setattr__(name, value)

    # saving

    def save_own_variables(self, store: Any) -> None:
        """Saves the random states, and which weights of the generator the EMA belongs to."""
        self._follow_generator()
        super().save_own_variables(store)
        if self.ema_generator is not None:
            store["checksums"] = np.array(self._checksums())

    def load_own_variables(self, store: Any) -> None:
        """Restores what `save_own_variables` saved."""
        super().load_own_variables(store)
        if "checksums" in store.keys():  # noqa: SIM118, no Mapping
            self._known_checksums = tuple(map(int, store["checksums"]))

    def set_state_tree(self, state_tree: dict[str, Any]) -> None:
        """Sets variables by name, see `CheckpointedModel.set_state_tree`."""
        super().set_state_tree(state_tree)
        self._known_checksums = self._checksums()

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments and the recipe, serialized."""
        serialize = keras.saving.serialize_keras_object
        return super().get_config() | {
            "generator": serialize(self.generator),
            "discriminator": serialize(self.discriminator),
            "latent_prior": self.latent_prior,
            "value_range": self.value_range,
            "ema_momentum": self.ema_momentum,
            "augmentation": serialize(self.augmentation),
            "seed": self.seed,
            "recipe": serialize(self.recipe),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Self:
        """Creates a model from its config."""
        parts = {
            name: keras.saving.deserialize_keras_object(config[name], custom_objects=custom_objects)
            for name in ("generator", "discriminator", "augmentation", "recipe")
        }
        arguments = config | parts
        recipe = arguments.pop("recipe")
        gan = cls(**arguments)
        gan.recipe = recipe
        return gan

    def get_compile_config(self) -> dict[str, Any]:
        """Returns the arguments of `compile`, serialized; empty if the model is not compiled, or cannot be."""
        if not self.compiled or not all(x.trainable_variables for x in (self, self.generator, self.discriminator)):
            return {}
        arguments = self._compile_arguments | {
            name: getattr(self, name)  # an object, where a name may have been given
            for name in ("g_opt", "d_opt", "loss")
            if self._compile_arguments[name] is not None
        }
        return {name: keras.saving.serialize_keras_object(value) for name, value in arguments.items()}

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles the model with the arguments that `get_compile_config` returned.

        On PyTorch, `jit_compile` and `steps_per_execution` are ignored, because a model may come from another backend.
        """
        if keras.backend.backend() == "torch":
            config = {key: value for key, value in config.items() if key not in ("jit_compile", "steps_per_execution")}
        self.compile(**{key: keras.saving.deserialize_keras_object(value) for key, value in config.items()})


def _adler32(checksum, weight):
    """The checksum, continued with the values of a weight."""
    return zlib.adler32(np.ascontiguousarray(weight.numpy()).reshape(-1).view("uint8").data, checksum)
