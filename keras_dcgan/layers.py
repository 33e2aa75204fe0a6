"""Layers for networks that are trained against each other."""

from typing import Any

import keras
from keras import ops

from keras_dcgan import backend
from keras_dcgan.training.validation import check_count

# the rest is internal
__all__ = ["BatchNormalization", "ConditionalBatchNormalization", "Conv2DTranspose", "SpectralNormalization"]


@keras.saving.register_keras_serializable("keras_dcgan")
class BatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` with an exact second derivative on every backend.

    Gradient penalties differentiate through the discriminator twice. On TensorFlow, Keras's layer computes the batch
    statistics with `tf.nn.moments`, which stops the gradient at the mean: the first derivative is exact, the second
    lacks a term. This layer takes the same arguments and computes the same outputs; on PyTorch it is faster.

    Example:
        >>> discriminator = keras.Sequential([
        ...     keras.Input((28, 28, 1)),
        ...     keras.layers.Conv2D(32, 4, strides=2),
        ...     keras_dcgan.layers.BatchNormalization(),
        ...     keras.layers.LeakyReLU(0.2),
        ...     keras.layers.Flatten(),
        ...     keras.layers.Dense(1),
        ... ])
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalizes the inputs, as `keras.layers.BatchNormalization` does."""
        if self.synchronized or not (training and self.trainable) or self.renorm or mask is not None:
            return super().call(inputs, training=training, mask=mask)
        dtype = keras.backend.result_type(inputs.dtype, "float32")  # statistics in low precision would overflow
        x, gamma, beta = (None if v is None else ops.cast(v, dtype) for v in (inputs, self.gamma, self.beta))
        outputs, mean, variance = backend.normalize(x, self.axis, gamma, beta, self.epsilon)
        for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + ops.cast(value, moving.dtype) * (1 - self.momentum))
        return ops.cast(outputs, self.compute_dtype)


@keras.saving.register_keras_serializable("keras_dcgan")
class ConditionalBatchNormalization(BatchNormalization):
    """Batch normalization with a scale and a center per class, which tell a generator the class in every layer.

    Called as `layer(x, labels)`, with `x` of any shape `(batch, …, channels)` and labels `(batch,)`.

    Args:
        num_classes: int, labels are in `[0, num_classes)`.
        **kwargs: the other arguments of `keras.layers.BatchNormalization`, except `scale` and `center`. Those of gamma
            and beta, such as `beta_initializer`, apply to the scales and the centers of the classes.

    Raises:
        ValueError, TypeError: `num_classes` is not a positive integer.

    Example:
        >>> x, labels = keras.Input((7, 7, 128)), keras.Input((), dtype="int32")
        >>> x = keras.layers.Conv2DTranspose(64, 4, strides=2, padding="same", use_bias=False)(x)
        >>> x = keras_dcgan.layers.ConditionalBatchNormalization(num_classes=10)(x, labels)

    Reference:
        de Vries et al., Modulating Early Visual Processing by Language, 2017, section 3.2; Miyato and Koyama, cGANs
        with Projection Discriminator, 2018, section 5, in a generator.
    """

    def __init__(self, num_classes: int, **kwargs: Any) -> None:
        super().__init__(scale=False, center=False, **kwargs)
        self.num_classes = check_count("num_classes", num_classes)

    def build(self, inputs_shape: Any, labels_shape: Any) -> None:
        """Creates the moving averages, and the scales and centers of the classes."""
        super().build(inputs_shape)
        shape = (self.num_classes, inputs_shape[self.axis])
        self.scales = self.add_weight(
            name="scales",
            shape=shape,
            initializer=self.gamma_initializer,
            regularizer=self.gamma_regularizer,
            constraint=self.gamma_constraint,
        )
        self.centers = self.add_weight(
            name="centers",
            shape=shape,
            initializer=self.beta_initializer,
            regularizer=self.beta_regularizer,
            constraint=self.beta_constraint,
        )

    def call(self, inputs: Any, labels: Any, training: bool | None = None) -> Any:  # type: ignore[override]
        """Normalizes the inputs, then scales and shifts each by its label."""
        x = super().call(inputs, training=training)
        shape = [-1] + [1] * (len(x.shape) - 1)
        shape[self.axis] = x.shape[self.axis]
        scale, center = (ops.reshape(ops.take(w, labels, axis=0), shape) for w in (self.scales, self.centers))
        return x * scale + center

    def compute_output_shape(self, inputs_shape: Any, labels_shape: Any) -> Any:
        """The shape of the inputs."""
        return inputs_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        config = super().get_config()
        for name in ("scale", "center"):
            del config[name]
        return config | {"num_classes": self.num_classes}


@keras.saving.register_keras_serializable("keras_dcgan")
class Conv2DTranspose(keras.layers.Conv2DTranspose):
    """`keras.layers.Conv2DTranspose`, faster on PyTorch.

    On PyTorch, Keras's layer computes borders that it then removes. This layer takes the same arguments and computes
    the same outputs; with padding "same", it leaves the borders out.

    Example:
        >>> generator = keras.Sequential([
        ...     keras.Input((100,)),
        ...     keras.layers.Dense(7 * 7 * 64, activation="relu"),
        ...     keras.layers.Reshape((7, 7, 64)),
        ...     keras_dcgan.layers.Conv2DTranspose(32, 4, strides=2, padding="same", activation="relu"),
        ...     keras_dcgan.layers.Conv2DTranspose(1, 4, strides=2, padding="same", activation="tanh"),
        ... ])
    """

    def call(self, inputs: Any) -> Any:
        """Convolves the inputs, as `keras.layers.Conv2DTranspose` does."""
        same = self.padding == "same" and self.output_padding is None and self.dilation_rate == (1, 1)
        small = any(k < stride for k, stride in zip(self.kernel_size, self.strides, strict=True))
        if not same or small or self.data_format != "channels_last":
            return super().call(inputs)
        outputs = backend.conv_transpose(inputs, self.kernel, self.strides)
        if self.use_bias:
            outputs = outputs + self.bias
        return outputs if self.activation is None else self.activation(outputs)


@keras.saving.register_keras_serializable("keras_dcgan")
class SpectralNormalization(keras.layers.Wrapper):
    """Divides the kernel of a layer by its largest singular value, which bounds the layer's Lipschitz constant.

    The singular value `σ = vᵀ W u` is estimated by power iteration from a saved vector `u`; the columns of the matrix W
    are the last axis of the kernel. A kernel of zeros is not divided. Unlike `keras.layers.SpectralNormalization`, the
    layer writes nothing during the forward pass, so it works on all backends in a network that runs several times per
    step. The models of this library update `u` once per training step; in a custom training loop, call
    `update_state()`.

    Args:
        layer: Keras layer with a `kernel` (such as `Conv2D` or `Dense`) or `embeddings`.
        power_iterations: int, iterations per update.
        **kwargs: `name` and `dtype`, as for any Keras layer.

    Raises:
        ValueError, TypeError: the layer has no kernel, or `power_iterations` is not a positive integer.

    Example:
        >>> layer = keras_dcgan.layers.SpectralNormalization(keras.layers.Conv2D(64, 4, strides=2))

    Reference:
        Miyato et al., Spectral Normalization for Generative Adversarial Networks, 2018, algorithm 1.
    """

    def __init__(self, layer: keras.layers.Layer, power_iterations: int = 1, **kwargs: Any) -> None:
        # the singular value is computed in float32; the wrapped layer casts for itself
        super().__init__(layer, autocast=False, **kwargs)
        self.power_iterations = check_count("power_iterations", power_iterations)

    def build(self, input_shape: Any = None) -> None:
        """Builds the wrapped layer and creates `u`."""
        super().build(input_shape)
        if self.kernel is None:
            raise ValueError(
                "`layer` must have a kernel or embeddings, such as Conv2D, Dense or Embedding. "
                f"Received: layer={type(self.layer).__name__}"
            )
        self.u = self.add_weight(
            shape=(1, self.kernel.shape[-1]),
            initializer=keras.initializers.RandomNormal(seed=0),
            trainable=False,
            name="u",
        )

    @property
    def kernel(self) -> Any:
        """The weight that is normalized, of the wrapped layer."""
        return getattr(self.layer, "kernel", getattr(self.layer, "embeddings", None))

    def _power_iteration(self):
        """The kernel as a matrix, and its singular vectors v and u, one update further."""
        matrix = ops.reshape(self.kernel, (-1, self.kernel.shape[-1]))
        fixed, u = ops.stop_gradient(matrix), self.u.value
        for _ in range(self.power_iterations):
            v = _unit(ops.matmul(u, ops.transpose(fixed)), 0.0)
            u = _unit(ops.matmul(v, fixed), u)
        return matrix, v, u

    def call(self, inputs: Any, **kwargs: Any) -> Any:
        """Calls the wrapped layer with the normalized kernel."""
        matrix, v, u = self._power_iteration()
        sigma = ops.sum(ops.matmul(v, matrix) * u)
        others = [(x, x.value) for x in self.layer.variables if x is not self.kernel]
        with keras.StatelessScope([*others, (self.kernel, self.kernel / ops.where(sigma > 1e-12, sigma, 1.0))]):
            return self.layer(inputs, **kwargs)

    def update_state(self) -> None:
        """Updates `u` by power iteration with the current kernel."""
        self.u.assign(self._power_iteration()[2])

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the wrapped layer's output."""
        return self.layer.compute_output_shape(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return super().get_config() | {"power_iterations": self.power_iterations}


def _unit(vector, otherwise):
    """The vector with length 1, or `otherwise` if it is zero."""
    norm = ops.norm(vector)
    return ops.where(norm > 1e-12, vector / ops.maximum(norm, 1e-12), otherwise)
