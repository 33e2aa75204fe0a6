"""DCGAN: adversarial training of any two Keras models."""

import os
from collections.abc import Sequence
from typing import Any, Literal, Self

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from keras_dcgan import backend, checks, export, features, images, latents, losses, networks, presets
from keras_dcgan._types import Array
from keras_dcgan.checked_model import CheckedModel
from keras_dcgan.inference import predict_on_batch
from keras_dcgan.saving import SavedModel


class _ByNetwork(keras.optimizers.OptimizerMap):
    """Gives the generator's variables to `g_opt` and all others to `d_opt`.

    Variables are told apart by identity: their paths, by which Keras's own map goes, change when a model is loaded.
    """

    def __init__(self, g_opt, d_opt, generator):
        super().__init__(d_opt, {"generator": g_opt})
        self._own = {id(v) for v in generator.variables}

    def __call__(self, variable):
        return self["generator"] if id(variable) in self._own else self.default_optimizer


class _BothOptimizers(keras.optimizers.MultiOptimizer):
    """Both optimizers as the one that Keras's trainers, callbacks and savers know of."""

    def save_own_variables(self, store):
        # each optimizer saves its own variables: Keras's version would write them all once more
        store["iterations"] = self.iterations.numpy()

    def load_own_variables(self, store):
        self.iterations.assign(store["iterations"])


@keras.saving.register_keras_serializable("keras_dcgan")
class DCGAN(CheckedModel, SavedModel):
    """A generator and a discriminator, trained against each other with `fit()`.

    The generator maps latents, `(batch, latent_dim)` float32, to images, `(batch, height, width, channels)` float32 in
    `value_range`. The discriminator maps images to logits, `(batch, 1)` float32, positive for "real".

    `fit` takes images only: uint8 ones (rescaled to `value_range` on the device, inside the step) or floats that lie
    in `value_range` already, as arrays, tf.data, PyDataset, torch DataLoader or generator of batches.

    Args:
        generator: built Keras model with an input `(None, latent_dim)` and a float32 output `(None, H, W, C)`.
        discriminator: built Keras model with an input `(None, H, W, C)` and a float32 output `(None, 1)` that ends in
            a linear unit; sigmoid belongs to the loss.
        latent_prior: "normal" for N(0, 1) or "uniform" for U(−1, 1).
        value_range: `(low, high)`, range of the images that the generator emits.
        ema_momentum: float in (0, 1), such as 0.999, to keep an exponential moving average of the generator and to make
            all images outside training with it; None for none. It averages over about the last `1 / (1 − ema_momentum)`
            updates, but never over more than about a tenth of all so far.
        augmentation: Keras layer from images to images, differentiable, through which the discriminator sees real and
            generated images alike while it trains, such as `keras_dcgan.augmentation.DiffAugment()` for small sets of
            images; None for none.
        seed: int for the same latents in every run, None for others each time.
        **kwargs: `name`, `dtype` and `trainable`, as for any Keras model.

    Attributes:
        generator, discriminator: the two networks.
        averaged_generator: the generator's moving average, where `ema_momentum` is given, otherwise None.
        g_opt, d_opt: their optimizers, after `compile`.
        latent_dim: int.
        image_shape: `(height, width, channels)`.

    Raises:
        TypeError: a network that is no Keras model with known input and output shapes, or an augmentation that is no
            Keras layer.
        ValueError: networks that do not fit each other, a discriminator with a bounded output, an unknown prior, an
            impossible range or momentum, or an augmentation that changes the images' shape.

    Example:
        >>> gan = keras_dcgan.DCGAN.from_preset("radford_28", seed=0)
        >>> gan.compile()
        >>> gan.fit(images, batch_size=64, epochs=10)
        >>> gan.generate(25, seed=1).shape
        (25, 28, 28, 1)

    Reference:
        Goodfellow et al., Generative Adversarial Nets, 2014; Radford, Metz and Chintala, Unsupervised Representation
        Learning with Deep Convolutional Generative Adversarial Networks, 2016; of the average, Yazıcı et al., The
        Unusual Effectiveness of Averaging in GAN Training, 2019, section 3; of the augmentation, Zhao et al.,
        Differentiable Augmentation for Data-Efficient GAN Training, 2020.
    """

    _conditional = False

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
        super().__init__(**kwargs)
        latents.check_prior(latent_prior)
        self.latent_prior = latent_prior
        self.value_range = images.check_value_range(value_range)
        self.latent_dim, self.image_shape = checks.check_networks(
            generator, discriminator, self.value_range, conditional=self._conditional
        )
        self.generator = generator
        self.discriminator = discriminator
        checks.check_momentum("ema_momentum", ema_momentum)
        self.ema_momentum = ema_momentum
        self.averaged_generator = None if ema_momentum is None else networks.frozen_copy(generator)
        checks.check_augmentation(augmentation, self.image_shape)
        self.augmentation = augmentation
        self.seed = None if seed is None else int(seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        self._evaluation_seeds = keras.random.SeedGenerator(0)  # evaluation must not shift the training's stream
        self._trackers = [
            keras.metrics.Mean(name=name) for name in ("g_loss", "d_loss", "real_accuracy", "fake_accuracy")
        ]
        inputs = [keras.KerasTensor(x.shape, x.dtype) for x in generator.inputs]
        self(inputs if self._conditional else inputs[0])  # builds the model

    @classmethod
    def from_preset(cls, name: str, *, load_weights: bool = False, seed: int | None = None, **overrides: Any) -> Self:
        """Makes a model of a published system, or of the recommended networks.

        Args:
            name: "recommended", to start with, at any `image_shape`, from 64 pixels a side with `batch_norm=False`; as
                they were published "mnist", "cifar10", "radford_64", "radford_28" and "all_convolutional_28". For
                `ConditionalDCGAN` "recommended_conditional", "recommended_cifar10", "recommended_fashion_mnist",
                "recommended_mnist", "fashion_mnist_conditional", "radford_28_conditional" or "radford_mnist".
            load_weights: bool, True for the trained generator that comes with a preset: "recommended_cifar10" and
                "recommended_fashion_mnist" of `ConditionalDCGAN`. The discriminator is new.
            seed: int for the same initial weights, dropout masks and latents in every run.
            **overrides: arguments of the builders (`image_shape`, `latent_dim`, `num_classes`, `width`, …) and of the
                model (`latent_prior`, `value_range`, `ema_momentum`, `augmentation`).

        Returns:
            The model, not yet compiled.

        Raises:
            ValueError: an unknown preset or override (the message lists the known), one that cannot be built, or
                trained weights that there are not, or not for these overrides.

        Example:
            >>> keras_dcgan.DCGAN.from_preset("radford_64", image_shape=(128, 128, 3), depth=5, width=0.5)
        """
        generator, discriminator, arguments = presets.build(
            name, conditional=cls._conditional, load_weights=load_weights, seed=seed, **overrides
        )
        return cls(generator, discriminator, seed=seed, **arguments)

    def compile(
        self,
        g_opt: keras.optimizers.Optimizer | str | None = None,
        d_opt: keras.optimizers.Optimizer | str | None = None,
        loss: losses.AdversarialLoss | keras.losses.BinaryCrossentropy | str | None = None,
        *,
        update: Literal["simultaneous", "alternating"] = "simultaneous",
        **kwargs: Any,
    ) -> None:
        """Sets how the two networks are trained.

        Args:
            g_opt: the generator's Keras optimizer, or its name. None for Adam(2e-4, beta_1=0.5).
            d_opt: the discriminator's; not the same object, since an optimizer keeps its own step count and moments.
            loss: a name ("non_saturating", "minimax", "least_squares", "hinge", "wasserstein"), an object of
                `keras_dcgan.losses`, or `keras.losses.BinaryCrossentropy(from_logits=True)`. None for non-saturating
                cross-entropy.
            update: "simultaneous" takes both gradients at the same weights, from one forward pass of the generator;
                "alternating" updates the discriminator first, then the generator against the new discriminator, on the
                same generated images.
            **kwargs: `run_eagerly`, `steps_per_execution` and `jit_compile`, as in `keras.Model.compile`. With JAX on a
                GPU `steps_per_execution` steps are one call of the device, which makes small steps faster.

        Raises:
            ValueError: an unknown loss or update mode, a loss that does not read logits, one optimizer for both
                networks, layers in mixed_float16 (use mixed_bfloat16, which needs no loss scaling), or on PyTorch
                `jit_compile=True` or a discriminator with `keras.layers.SpectralNormalization`.
            TypeError: something that is no optimizer or no loss, or an argument that is not known.
        """
        adversarial = losses.get(loss)
        if update not in ("simultaneous", "alternating"):
            raise ValueError(f'`update` must be "simultaneous" or "alternating". Received: update={update!r}')
        unknown = sorted(set(kwargs) - {"run_eagerly", "steps_per_execution", "jit_compile"})
        if unknown:
            raise TypeError(
                "compile() takes g_opt, d_opt, loss, update, run_eagerly, steps_per_execution and jit_compile. "
                f"Received: {', '.join(unknown)}"
            )
        if any(layer.compute_dtype == "float16" for layer in self._flatten_layers()):
            raise ValueError(
                "float16 needs its losses scaled, which two networks with two losses do not support: use "
                'keras.config.set_dtype_policy("mixed_bfloat16") or float32. Received: layers in float16'
            )
        if kwargs.get("jit_compile") is True and keras.backend.backend() == "torch":
            raise ValueError(
                "On PyTorch a step is not compiled, since torch.compile refuses two gradients from one forward pass: "
                "leave `jit_compile` out. Received: jit_compile=True"
            )
        wrappers = [
            x for x in self.discriminator._flatten_layers() if isinstance(x, keras.layers.SpectralNormalization)
        ]
        if wrappers and keras.backend.backend() == "torch":
            raise ValueError(
                "keras.layers.SpectralNormalization writes into its weights in every forward pass, which PyTorch does "
                "not allow in a discriminator that is run twice in a step: use losses.R1 instead, or the environment "
                f"variable KERAS_BACKEND=tensorflow or jax. Received: {len(wrappers)} such layers"
            )
        of_generator = _optimizer("g_opt", g_opt, self.generator)
        of_discriminator = _optimizer("d_opt", d_opt, self.discriminator)
        if of_generator is of_discriminator:
            raise ValueError(
                "`g_opt` and `d_opt` must be two objects: an optimizer keeps its own step count and moments. "
                f"Received: {of_generator.name} twice"
            )
        self._compile_options = kwargs  # as given: "auto" means another thing on another machine
        both = _BothOptimizers(_ByNetwork(of_generator, of_discriminator, self.generator), name="both")
        super().compile(optimizer=both, **kwargs)
        self.optimizer.build(self.trainable_variables)
        self.g_opt, self.d_opt, self.update = of_generator, of_discriminator, update
        self.loss = adversarial

    def make_train_function(self, force: bool = False) -> None:
        """Makes what `fit` calls for every `steps_per_execution` steps, as in Keras, where that can be done faster."""
        if self.train_function is None or force:
            super().make_train_function(force)
            self.train_function: Any = backend.train_function(self) or self.train_function

    @backend.step
    def train_step(self, data: Any) -> dict[str, Any]:
        """One update of both networks on a batch.

        Args:
            data: `(batch, height, width, channels)` images, with labels `(images, labels)`. On JAX, Keras's trainer
                passes `(state, data)` and receives `(logs, state)`.

        Returns:
            dict of float32 scalars, averages over the epoch so far: `loss` (= g_loss + d_loss), `g_loss`, `d_loss`,
            and `real_accuracy` and `fake_accuracy`, the shares of logits on the right side of 0.
        """
        real, labels = self._unpack(data)
        z = backend.spread(self.sample_latents(ops.shape(real)[0]))
        play = {"simultaneous": self._update_both, "alternating": self._update_in_turn}[self.update]
        results = play(real, z, labels)
        self.optimizer.iterations.assign_add(1)
        if self.averaged_generator is not None:
            self._update_average()
        return self._log(*results)

    def _update_both(self, real, z, labels):
        """Both gradients at the same weights, from one forward pass."""
        g_variables, d_variables = self.generator.trainable_variables, self.discriminator.trainable_variables

        def forward():
            fake = self._generate(z, labels, training=True)
            real_logits = self._discriminate(real, labels, training=True)
            fake_logits = self._discriminate(fake, labels, training=True)
            d_loss = self._d_loss(real_logits, fake_logits) + self._penalty(real, labels)
            return (self._g_loss(fake_logits), d_loss), (real_logits, fake_logits)

        # g_loss is differentiated by the generator's weights alone, d_loss by the discriminator's
        (g_loss, d_loss), logits, (g_gradients, d_gradients) = backend.gradients(
            self, forward, g_variables, d_variables
        )
        backend.apply(self.g_opt, g_gradients, g_variables)
        backend.apply(self.d_opt, d_gradients, d_variables)
        return g_loss, d_loss, *logits

    def _update_in_turn(self, real, z, labels):
        """The discriminator first, then the generator against the new discriminator, on the same images."""
        g_variables, d_variables = self.generator.trainable_variables, self.discriminator.trainable_variables

        def g_forward():
            fake = self._generate(z, labels, training=True)
            fixed = ops.stop_gradient(fake)

            def d_forward():
                real_logits = self._discriminate(real, labels, training=True)
                fake_logits = self._discriminate(fixed, labels, training=True)
                d_loss = self._d_loss(real_logits, fake_logits) + self._penalty(real, labels)
                return (d_loss,), (real_logits, fake_logits)

            (d_loss,), logits, (d_gradients,) = backend.gradients(self, d_forward, d_variables)
            backend.apply(self.d_opt, d_gradients, d_variables)
            return (self._g_loss(self._discriminate(fake, labels, training=True)),), (d_loss, *logits)

        (g_loss,), d_results, (g_gradients,) = backend.gradients(self, g_forward, g_variables)
        backend.apply(self.g_opt, g_gradients, g_variables)
        return g_loss, *d_results

    def _update_average(self):
        """Moves the averaged generator towards the generator, weights and batch statistics alike.

        The first step is a whole one, so that the average does not remember where training started. Then the steps get
        smaller, so that it is one of about the last tenth of all updates, until the momentum is reached.
        """
        assert self.averaged_generator is not None  # train_step has seen to it
        assert self.ema_momentum is not None
        updates = ops.cast(self.optimizer.iterations, "float32")
        rate = ops.maximum(1 - self.ema_momentum, 10 / (updates + 9))
        for average, value in zip(self.averaged_generator.weights, self.generator.weights, strict=True):
            average.assign_add(ops.cast(rate, average.dtype) * (value - average))

    @backend.step
    def test_step(self, data: Any) -> dict[str, Any]:
        """Losses and accuracies on a batch, with both networks in inference mode.

        Args:
            data: as in `train_step`.

        Returns:
            dict of float32 scalars, the keys of `train_step`.
        """
        real, labels = self._unpack(data)
        z = backend.spread(self.sample_latents(ops.shape(real)[0], seed=self._evaluation_seeds))
        real_logits = self._discriminate(real, labels, training=False)
        fake_logits = self._discriminate(self._generate(z, labels, training=False), labels, training=False)
        return self._log(self._g_loss(fake_logits), self._d_loss(real_logits, fake_logits), real_logits, fake_logits)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Images for latents.

        Args:
            inputs: `(batch, latent_dim)` float32 latents; for `ConditionalDCGAN` `[latents, labels]`.
            training: bool, False for inference mode: batch normalisation by its moving averages.

        Returns:
            `(batch, height, width, channels)` float32 in `value_range`.

        Raises:
            ValueError: latents of another size, or labels outside the range.
        """
        z, labels = self._split(inputs)
        return self._generate(z, labels, training=training)

    def sample_latents(self, n: int, seed: int | keras.random.SeedGenerator | None = None) -> Any:
        """Draws latents from the prior. `train_step` draws through it, so that a subclass may override it.

        Args:
            n: int, how many.
            seed: int for latents that are the same in every run and on every backend; a
                `keras.random.SeedGenerator`; or None for the next of the training's stream.

        Returns:
            `(n, latent_dim)` float32 tensor.
        """
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
        """Makes images, in inference mode. Training and its random state are not touched.

        Args:
            n: int, how many; may be left out where `latents` or `labels` tell.
            latents: `(n, latent_dim)` floats, or None to draw them from the prior.
            labels: of a conditional model: an integer for all, or `(n,)` integers; None for each class in turn.
            seed: int for the same images every time, None for others each time.
            batch_size: int, how many go through the network at once.

        Returns:
            uint8 NumPy array `(n, height, width, channels)`.

        Raises:
            ValueError, TypeError: arguments that break these rules.

        Example:
            >>> gan.generate(25, seed=1)
        """
        checks.check_count("batch_size", batch_size)
        if latents is not None:
            checks.check_latents(latents, self.latent_dim)
        if labels is not None:
            labels = checks.as_numpy(labels) if checks.is_array(labels) else np.asarray(labels)
        told = [len(given) for given in (latents, labels) if given is not None and np.ndim(given)]
        if n is None and not told:
            raise ValueError("generate() must be told how many images: pass n, latents or labels. Received: none")
        n = told[0] if n is None else n
        checks.check_count("n", n)
        if any(count != n for count in told):
            raise ValueError(f"`n`, `latents` and `labels` must agree. Received: {n} and {told}")
        wanted = self._labels_to_generate(labels, n)
        if latents is None:
            latents = self.sample_latents(n, keras.random.SeedGenerator() if seed is None else seed)
        latents = checks.as_numpy(latents)
        parts = [slice(i, i + batch_size) for i in range(0, n, batch_size)]
        generator = self._generator_for(training=False)
        made = [
            predict_on_batch(generator, latents[part] if wanted is None else [latents[part], wanted[part]])
            for part in parts
        ]
        return images.to_uint8(np.concatenate(made), self.value_range)

    def find_latents(
        self, images: Array, *, steps: int = 500, learning_rate: float = 0.05, seed: int = 0
    ) -> np.ndarray:
        """Searches latents whose images come near given ones, by gradient descent (Adam) on the squared error.

        Where it does not get near, the generator does not make such images, or the search is stuck: try another seed.
        Neither the model nor its random state is changed.

        Args:
            images: `(n, height, width, channels)`, uint8 or float in `value_range`; all are searched for at once.
            steps: int, steps of gradient descent.
            learning_rate: float.
            seed: int, for the latents that the search starts from.

        Returns:
            float32 NumPy array `(n, latent_dim)`, within −1 to 1 for a uniform prior.

        Raises:
            ValueError, TypeError: arguments that break these rules.

        Example:
            >>> z = gan.find_latents(images[:10])
            >>> nearest = gan.generate(latents=z)

        Reference:
            Lipton and Tripathi, Precise Recovery of Latent Vectors from Generative Adversarial Networks, 2017.
        """
        return self._find_latents(images, None, steps, learning_rate, seed)

    def _find_latents(self, x, labels, steps, learning_rate, seed):
        checks.check_count("steps", steps)
        checks.check_seed(seed)
        checks.check_images(x, self.image_shape, self.value_range)
        x = checks.as_numpy(images.rescale(keras.ops.convert_to_tensor(x), self.value_range))
        with backend.alone():
            return latents.find(
                self._generator_for(training=False),
                x,
                labels,
                self.latent_prior,
                steps=steps,
                learning_rate=learning_rate,
                seed=seed,
            )

    def features(self, images: Array, *, batch_size: int = 128) -> np.ndarray:
        """Features of images that the discriminator has learnt without labels, for a linear classifier.

        The output of every convolutional layer (behind its normalisation and activation, in inference mode) is
        max-pooled to a grid of 4 by 4, and all are flattened and concatenated, from the first layer to the last.

        Args:
            images: `(n, height, width, channels)`, uint8 or float in `value_range`.
            batch_size: int, how many go through the network at once.

        Returns:
            float32 NumPy array `(n, 16 · filters)`, filters of all convolutional layers together.

        Raises:
            ValueError, TypeError: images that break these rules, or a discriminator without convolutional layers of its
                own.

        Example:
            >>> classifier = sklearn.svm.LinearSVC().fit(gan.features(images), labels)
            >>> classifier.score(gan.features(test_images), test_labels)

        Reference:
            Radford, Metz and Chintala, Unsupervised Representation Learning with Deep Convolutional Generative
            Adversarial Networks, 2016, section 5.1.
        """
        return self._features(images, None, batch_size)

    def _features(self, x, labels, batch_size):
        checks.check_count("batch_size", batch_size)
        checks.check_images(x, self.image_shape, self.value_range)
        return features.extract(self.discriminator, x, labels, self.value_range, batch_size)

    # what a conditional model does otherwise

    def _unpack(self, data):
        """A batch as float32 images in `value_range`, and labels or None."""
        real, labels, _ = keras.utils.unpack_x_y_sample_weight(data)
        checks.check_shape(real, self.image_shape)  # tracing comes before the first batch
        return images.rescale(real, self.value_range), labels

    def _generate(self, z, labels, training):
        return self._generator_for(training)(z, training=training)

    def _discriminate(self, x, labels, training):
        return self.discriminator(self._seen(x, training), training=training)

    def _split(self, inputs):
        checks.check_latents(inputs, self.latent_dim)
        return inputs, None

    def _labels_to_generate(self, labels, n):
        if labels is not None:
            raise ValueError(
                "DCGAN makes images without labels: use ConditionalDCGAN, or leave them out. Received: labels"
            )

    def _check_training(self, x, y=None, weights=None):
        self._refuse_weight(weights)
        if y is not None:
            raise ValueError(
                "DCGAN trains on images alone: pass fit(images), for a tf.data.Dataset of pairs "
                "data.map(lambda image, label: image), or use ConditionalDCGAN. Received: images and labels"
            )
        checks.check_images(x, self.image_shape, self.value_range)

    def _check_inputs(self, inputs):
        checks.check_latents(inputs, self.latent_dim)

    # what both do alike

    def _generator_for(self, training):
        """The generator in training, outside of it its average, where one is kept."""
        return self.generator if training or self.averaged_generator is None else self.averaged_generator

    def _seen(self, x, training):
        """Images, real or generated, as the discriminator sees them."""
        return self.augmentation(x, training=True) if training and self.augmentation is not None else x

    # losses and logs

    def _g_loss(self, fake_logits):
        return self.loss.generator(fake_logits) + sum(self.generator.losses)

    def _d_loss(self, real_logits, fake_logits):
        return self.loss.discriminator(real_logits, fake_logits) + sum(self.discriminator.losses)

    def _penalty(self, real, labels):
        def discriminate(images):
            # as in training, but what this pass would change (moving averages, random states) is forgotten
            with keras.StatelessScope([(v, v.value) for v in self.variables]):
                return self._discriminate(images, labels, training=True)

        return losses.penalty(self.loss, discriminate, real, self.optimizer.iterations)

    def _log(self, g_loss, d_loss, real_logits, fake_logits):
        n = ops.shape(real_logits)[0]
        right = [ops.mean(ops.cast(side, "float32")) for side in (real_logits > 0, fake_logits < 0)]
        g_loss, d_loss, *right = backend.mean([g_loss, d_loss, *right])
        self._loss_tracker.update_state(g_loss + d_loss, sample_weight=n)
        for tracker, value in zip(self._trackers, (g_loss, d_loss, *right), strict=True):
            tracker.update_state(value, sample_weight=n)
        return self.get_metrics_result()

    def _restart_evaluation(self):
        self._evaluation_seeds.state.assign([0, 0])

    # saving

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, the two networks serialised."""
        return super().get_config() | {
            "generator": keras.saving.serialize_keras_object(self.generator),
            "discriminator": keras.saving.serialize_keras_object(self.discriminator),
            "latent_prior": self.latent_prior,
            "value_range": self.value_range,
            "ema_momentum": self.ema_momentum,
            "augmentation": self.augmentation and keras.saving.serialize_keras_object(self.augmentation),
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Self:
        """Makes the model again from what `get_config` gave."""
        parts = {
            name: keras.saving.deserialize_keras_object(config[name], custom_objects=custom_objects)
            for name in ("generator", "discriminator", "augmentation")
            if config.get(name) is not None  # files of version 0.1 know no augmentation
        }
        return cls(**(config | parts))

    def get_compile_config(self) -> dict[str, Any]:
        """The arguments of `compile`, serialised; empty for a model that is not compiled."""
        if not self.compiled:
            return {}
        serialize = keras.saving.serialize_keras_object
        return {
            "g_opt": serialize(self.g_opt),
            "d_opt": serialize(self.d_opt),
            "loss": serialize(self.loss),
            "update": self.update,
        } | self._compile_options

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles the model with what `get_compile_config` gave, on PyTorch one step at a time and not jitted."""
        if keras.backend.backend() == "torch":  # where the others may have been told what it does not know
            config = {key: value for key, value in config.items() if key not in ("jit_compile", "steps_per_execution")}
        self.compile(**{key: keras.saving.deserialize_keras_object(value) for key, value in config.items()})

    def export(
        self, filepath: str | os.PathLike[str], format: Literal["tf_saved_model", "onnx", "litert"] = "tf_saved_model"
    ) -> None:
        """Exports the generator for inference: to be served without Keras and without this package.

        What is written takes latents `(n, latent_dim)` float32, named `latents`, and of a conditional model labels
        named `labels`, int32 of shape `(n,)` for the presets, for any n. It gives images `(n, height, width, channels)`
        float32 in `value_range`. It computes in float32 also where the model was trained in mixed precision.

        Args:
            filepath: path: a folder for "tf_saved_model", a file that ends in .onnx or .tflite for the others.
            format: "tf_saved_model" (TensorFlow, JAX), "onnx" (all backends) or "litert" (TensorFlow).

        Raises:
            ValueError: an unknown format, one that this backend cannot make, a path with another ending, or an existing
                folder that is no SavedModel.
            ImportError: a package that is needed and missing, with the command that installs it.

        Example:
            >>> gan.export("generator.onnx", format="onnx")
        """
        export.export(self._generator_for(training=False), filepath, format)


def _optimizer(name, value, network):
    """A Keras optimizer for the network, of what `compile` was given."""
    if value is None:
        return keras.optimizers.Adam(2e-4, beta_1=0.5, name=name)
    if isinstance(value, str | dict):
        value = keras.optimizers.get(value)
    nested = keras.optimizers.MultiOptimizer | keras.optimizers.LossScaleOptimizer
    if not isinstance(value, keras.optimizers.Optimizer) or isinstance(value, nested):
        raise TypeError(
            f"`{name}` must be a Keras optimizer for one network, such as keras.optimizers.Adam(2e-4, beta_1=0.5), or "
            f'a name such as "adam". Received: {name}={value!r}'
        )
    if value.loss_scale_factor is not None:
        raise ValueError(
            f"`{name}`: losses of a GAN are not scaled; leave loss_scale_factor out. "
            f"Received: loss_scale_factor={value.loss_scale_factor}"
        )
    own = {id(v) for v in network.variables}
    if value.built and not all(id(v) in own for v in value._trainable_variables):
        raise ValueError(
            f"`{name}` has trained another network, and keeps its moments: pass a new optimizer. "
            f"Received: {name}={value.name}, built on other variables"
        )
    return value
