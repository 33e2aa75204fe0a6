"""Input validation. Each function raises if its argument is invalid."""

import difflib
import math
import numbers
import pathlib
import warnings
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

# the tolerance for floats rescaled by another formula, in units of the range
TOLERANCE = 1e-3


def native(data: Any) -> Any:
    """Data with its NumPy arrays in native byte order, the only one that JAX and PyTorch can read."""

    def convert(x):
        return x.astype(x.dtype.newbyteorder("="), copy=False) if isinstance(x, np.ndarray) else x

    return keras.tree.map_structure(convert, data)


def as_numpy(array: Any) -> np.ndarray:
    """NumPy array, in native byte order, of an array or tensor of any backend."""
    return native(array) if isinstance(array, np.ndarray) else np.asarray(keras.ops.convert_to_numpy(array))


def is_number(value):
    """Whether a value is a finite real number, also one of NumPy, and no bool."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)


def is_array(data):
    """Whether data is one array or tensor, and not a source of batches."""
    return hasattr(data, "shape") and hasattr(data, "dtype")


def check_training(x, y=None, weights=None, *, image_shape, value_range, num_classes):
    """Raises unless images, and labels for a model with `num_classes`, can be trained on."""
    check_no_weights(weights, "sample_weight")
    if num_classes is None and y is not None:
        raise ValueError(
            "DCGAN trains on images only: call fit(images), map a tf.data.Dataset of pairs with "
            "data.map(lambda image, label: image), or use ConditionalDCGAN. Received: images and labels"
        )
    check_images(x, image_shape, value_range)
    if num_classes is not None:
        check_labels(y, len(x), num_classes)


def check_images(images, image_shape, value_range):
    """Raises unless images are an array `(n, *image_shape)`, uint8 or finite floats in `value_range`.

    Raises:
        TypeError: the images are not one array.
        ValueError: the images have another shape or dtype, are empty, contain NaN or infinity, or exceed the range.
    """
    check_shape(images, image_shape)
    if len(images) == 0:
        raise ValueError(f"There must be at least one image. Received: images of shape {tuple(images.shape)}")
    dtype = _dtype(images)
    if dtype == "uint8":
        return
    low, high = value_range
    if "float" not in dtype:
        raise ValueError(
            f"Images must be uint8 (0 to 255) or float in [{low:g}, {high:g}]; images.astype('uint8') converts "
            f"integers from 0 to 255. Received: images of dtype {dtype}"
        )
    images = as_numpy(images)
    smallest, largest = float(images.min()), float(images.max())
    if not np.isfinite([smallest, largest]).all():
        raise ValueError("Images must be finite. Received: images with NaN or infinity")
    slack = TOLERANCE * (high - low)
    if smallest < low - slack or largest > high + slack:
        raise ValueError(
            f"Float images must lie in value_range=[{low:g}, {high:g}]. A usual cause: "
            "keras.utils.image_dataset_from_directory yields floats from 0 to 255. Rescale them, "
            f"keras.layers.Rescaling({(high - low) / 255:.6g}, {low:g}), or pass uint8 images, which are rescaled "
            f"automatically. Received: images from {smallest:g} to {largest:g}"
        )


def check_shape(images, image_shape):
    """Raises unless images, which may be symbolic, are one array of shape `(n, *image_shape)`."""
    if not is_array(images):
        raise TypeError(f"Images must be one array of shape (n, {_join(image_shape)}). Received: {_describe(images)}")
    shape = tuple(images.shape)
    if len(shape) != 4 or shape[1:] != image_shape:
        fix = "images[..., None] adds the channel axis" if shape[1:] == image_shape[:2] else "resize or convert them"
        raise ValueError(
            f"Images must have shape (n, {_join(image_shape)}), the shape of the generator's images; {fix}. "
            f"Received: images of shape {shape}"
        )


def check_batch_sizes(n, batch_size, multiple):
    """Raises ValueError unless n images, in batches of `batch_size`, give batches divisible by `multiple`."""
    if n % multiple:
        raise ValueError(
            f"The number of images must be divisible by {multiple}, the number of devices times `discriminator_steps`: "
            f"pass images[:{n - n % multiple}]. Received: {n} images"
        )
    if n > batch_size and batch_size % multiple:
        smaller = batch_size - batch_size % multiple
        options = [size for size in (smaller, smaller + multiple) if size]
        raise ValueError(
            f"`batch_size` must be divisible by {multiple}, the number of devices times `discriminator_steps`, such as "
            f"{' or '.join(map(str, options))}. Received: batch_size={batch_size}"
        )


def check_batch_size(size, multiple):
    """Raises ValueError unless the size of a batch is divisible by `multiple`."""
    if size % multiple:
        raise ValueError(
            f"Every batch must be divisible by {multiple}, the number of devices times `discriminator_steps`; "
            "drop_remainder=True leaves out the smaller last batch of a tf.data.Dataset. "
            f"Received: a batch of {size} images"
        )


def check_equal_amounts(amounts):
    """Raises ValueError unless the amounts of all processes, one list per process, are equal."""
    if any(amount != amounts[0] for amount in amounts):
        raise ValueError(
            "All processes that train one model must have the same number of images and the same batch size, or the "
            "same number of batches, because each step waits for all: images[process::processes][:n]. "
            f"Received: {amounts}, per process the images and the batch size, or the batches and 0"
        )


def warn_of_half_range(images, value_range, stacklevel=4):
    """Warns of float images that look scaled to [0, 1] where [-1, 1] is expected. Returns whether it did."""
    found = tuple(value_range) == (-1, 1) and "float" in _dtype(images) and float(as_numpy(images).min()) >= 0
    if found:
        warnings.warn(
            "All values of the float images are at least 0, as if scaled to [0, 1], but value_range is [-1, 1], so the "
            "generator would learn images without dark pixels. If they are scaled to [0, 1], pass 2 * images - 1, or "
            "uint8 images.",
            stacklevel=stacklevel,
        )
    return found


def warn_of_missing_classes(seen, num_classes):
    """Warns of classes that are not among those seen in the labels."""
    missing = sorted(set(range(num_classes)) - set(seen))
    if missing:
        more = ", …" if len(missing) > 20 else ""
        warnings.warn(
            f"These classes never occur in the labels and cannot be learned: {_join(missing[:20])}{more}. If the data "
            "has fewer classes, create the model with their number. "
            f"Received: num_classes={num_classes}, labels of {len(seen)} classes",
            stacklevel=4,
        )


def check_labels(labels, n, num_classes):
    """Raises ValueError unless labels are integers `(n,)` or `(n, 1)` in `[0, num_classes)`."""
    rule = f"Labels must be integers in [0, {num_classes}), one per image, of shape ({n},) or ({n}, 1)"
    if labels is None:
        raise ValueError(f"{rule}: pass both images and labels. Received: labels=None")
    if not is_array(labels):
        raise ValueError(f"{rule}. Received: {_describe(labels)}")
    shape = tuple(labels.shape)
    if shape not in ((n,), (n, 1)):
        raise ValueError(
            f"{rule}; np.argmax(labels, axis=-1) converts one-hot labels. Received: labels of shape {shape}"
        )
    dtype = _dtype(labels)
    if "int" not in dtype:
        raise ValueError(f"{rule}; labels.astype('int32') converts whole numbers. Received: labels of dtype {dtype}")
    labels = as_numpy(labels)
    if labels.size and (labels.min() < 0 or labels.max() >= num_classes):
        raise ValueError(f"{rule}. Received: labels from {labels.min()} to {labels.max()}")


def check_class_names(class_names, num_classes=None):
    """Returns the names of classes as a list, and raises unless they are different strings, `num_classes` of them."""
    names = list(class_names) if isinstance(class_names, list | tuple | np.ndarray) else []
    if not names or not all(isinstance(name, str) and name for name in names) or len(set(names)) < len(names):
        raise ValueError(
            "`class_names` must be a list of different names, the i-th for the label i. "
            f"Received: class_names={class_names!r}"
        )
    if num_classes not in (None, len(names)):
        raise ValueError(
            "`num_classes` must be the length of `class_names`: leave it out. "
            f"Received: num_classes={num_classes}, {len(names)} class names"
        )
    return [str(name) for name in names]  # NumPy's strings


def class_numbers(labels, class_names):
    """Returns labels with names of classes replaced by their numbers; labels without names unchanged.

    Raises:
        ValueError: a name is unknown, or the model has no class names.
    """
    if labels is None or (is_array(labels) and not isinstance(labels, np.ndarray)):
        return labels
    names = np.asarray(labels) if isinstance(labels, str | list | tuple | np.ndarray) else None
    if names is None or names.dtype.kind not in "UOT" or not all(isinstance(name, str) for name in names.flat):
        return labels
    if class_names is None:
        raise ValueError(
            "`labels` must be integers, because the model has no class names; ConditionalDCGAN(…, class_names=[…]) "
            f"sets them. Received: labels={labels!r}"
        )
    if unknown := sorted(set(names.flat) - set(class_names)):
        raise ValueError(
            f"`labels` must be integers or class names: {', '.join(class_names)}. "
            f"{suggestions(unknown, class_names)}Received: {', '.join(unknown)}"
        )
    return np.array([class_names.index(name) for name in names.flat], "int32").reshape(names.shape)


def check_latents(latents, latent_dim):
    """Raises ValueError unless latents, which may be symbolic, are numbers `(n, latent_dim)`, finite where known."""
    shape = tuple(getattr(latents, "shape", ()))
    if shape and not any(kind in _dtype(latents) for kind in ("float", "int")):
        raise ValueError(f"`latents` must be floats. Received: latents of dtype {_dtype(latents)}")
    if isinstance(latents, np.ndarray) and not np.isfinite(latents).all():
        raise ValueError("`latents` must be finite. Received: latents with NaN or infinity in them")
    if len(shape) != 2 or shape[1] != latent_dim:
        raise ValueError(
            f"`latents` must have shape (n, {latent_dim}), as sample_latents(n) returns them. "
            f"Received: {_describe(latents)}"
        )


def check_callback_order(callbacks):
    """Raises ValueError if a callback monitors a metric that a later one adds to the logs."""
    for i, callback in enumerate(callbacks):
        for earlier in callbacks[:i]:
            if getattr(earlier, "monitor", None) in getattr(callback, "logged", ()):
                raise ValueError(
                    f"`callbacks`: {type(callback).__name__} must come before {type(earlier).__name__}, which monitors "
                    f"its metric. Received: {type(earlier).__name__} first, with monitor={earlier.monitor!r}"
                )


def check_no_weights(weights, name):
    """Raises ValueError if sample or class weights are given."""
    if weights is not None:
        raise ValueError(f"`{name}` is not supported in adversarial training: leave it out. Received: {name}")


# names of arguments and losses here, and those in other libraries, tutorials and papers
_ELSEWHERE = {
    "g_opt": "g_optimizer generator_optimizer gen_optimizer gen_opt opt_g optimizer_g optimizerg",
    "d_opt": "d_optimizer discriminator_optimizer disc_optimizer disc_opt opt_d optimizer_d optimizerd",
    "loss": "loss_fn loss_function gan_loss adversarial_loss criterion",
    "discriminator_steps": "n_critic critic_steps d_steps",
    "latent_dim": "latent_shape latent_size noise_dim z_dim nz",
    "image_shape": "img_shape input_shape",
    "num_classes": "n_classes classes",
    "class_names": "labels label_names target_names names",
    "generator": "gen g netg",
    "discriminator": "disc d netd critic",
    "non_saturating": "binary_crossentropy bce gan vanilla",
    "minimax": "saturating",
    "wasserstein": "wgan",
    "least_squares": "lsgan mse mean_squared_error",
    "relativistic": "rpgan rgan r3gan",
    'is loss="wasserstein" with penalties=[keras_dcgan.penalties.GradientPenalty()].': "wgan_gp",
    "is set per network: pass the optimizers `g_opt` and `d_opt` to compile().": "optimizer learning_rate lr",
    "is one of a pair: loss=(generator_loss, discriminator_loss).": "g_loss d_loss g_loss_fn d_loss_fn gen_loss "
    "disc_loss generator_loss discriminator_loss",
    "cannot be set; callbacks.EvaluateSamples adds metrics of generated images.": "metrics weighted_metrics",
    "is an argument of compile().": "g_opt d_opt loss penalties update discriminator_steps",
    "is an argument of fit().": "batch_size epochs callbacks",
    "is read from the generator: leave it out.": "latent_dim image_shape",
    "is an argument of ConditionalDCGAN.": "num_classes class_names",
    "is built by the preset; pass your own networks to the constructor.": "generator discriminator",
    "cannot be set: the exported generator takes any number of latent vectors.": "input_signature",
}
_HERE = {name: here for here, names in _ELSEWHERE.items() for name in names.split()}


def suggestions(names, known):
    """Returns a sentence about each unknown name that resembles a known one or is known elsewhere."""
    return "".join(dict.fromkeys(_suggestion(name, known) for name in names))


def _suggestion(name, known):
    here = _HERE.get(name.lower().replace("-", "_"), "")
    close = difflib.get_close_matches(name, known, 1)
    for subject, hint in ((name, here), (here, _HERE.get(here)), *((name, match) for match in close)):
        if hint in known:
            return f"Did you mean `{hint}`? "
        if hint and " " in hint:
            return f"`{subject}` {hint} "
    return ""


def check_arguments(function, arguments, allowed, known=(), error=TypeError):
    """Raises an error unless the names of all arguments are allowed; a suggestion may be any known one."""
    unknown = sorted(set(arguments) - set(allowed))
    if unknown:
        known = sorted({*allowed, *known})
        raise error(f"{function} takes {', '.join(known)}. {suggestions(unknown, known)}Received: {', '.join(unknown)}")


def check_overrides(preset, overrides, known, load_weights):
    """Raises ValueError unless all overrides of a preset are known, and allowed with trained weights."""
    check_arguments(f"from_preset({preset})", overrides, known, error=ValueError)
    allowed = ("ema_momentum", "augmentation")
    refused = sorted(set(overrides).difference(allowed))
    if load_weights and refused:
        raise ValueError(
            "`load_weights=True` loads the networks as they were trained: the only overrides allowed are "
            f"{' and '.join(allowed)}. Received: {', '.join(refused)}"
        )


def check_compile_arguments(model, arguments):
    """Raises unless the arguments that `compile` passes on to Keras are valid for the model.

    Raises:
        TypeError: an argument is unknown.
        ValueError: layers in float16, or on PyTorch `jit_compile=True` or layers that do not work there.
    """
    passed_on = ("run_eagerly", "steps_per_execution", "jit_compile")
    known = ("g_opt", "d_opt", "loss", "penalties", "update", "discriminator_steps")
    check_arguments("compile()", arguments, passed_on, known)
    layers = model._flatten_layers()
    if any(layer.compute_dtype == "float16" for layer in layers):
        raise ValueError(
            "float16 needs loss scaling, which is not supported for two networks with two losses: use "
            'keras.config.set_dtype_policy("mixed_bfloat16") or float32. Received: layers in float16'
        )
    if keras.backend.backend() != "torch":
        return
    if arguments.get("jit_compile") is True:
        raise ValueError(
            "`jit_compile=True` is not supported on PyTorch, because torch.compile does not support two gradients from "
            "one forward pass: leave it out. Received: jit_compile=True"
        )
    if any(isinstance(layer, keras.layers.SpectralNormalization) for layer in layers):
        raise ValueError(
            "keras.layers.SpectralNormalization writes to its weights in every forward pass, which PyTorch does not "
            "allow in a network that runs twice per step: use keras_dcgan.layers.SpectralNormalization. "
            "Received: a network with such a layer"
        )


def check_trainable(gan):
    """Raises ValueError unless a model and both of its networks have trainable weights."""
    for name, network in (("generator", gan.generator), ("discriminator", gan.discriminator), ("gan", gan)):
        if not network.trainable_variables:
            raise ValueError(
                f"`{name}` must have trainable weights, but all are frozen, such as by a leftover "
                f"{name}.trainable = False: set it to True. Received: a {name} without trainable weights"
            )


def check_update(update):
    """Raises ValueError unless the update mode is known."""
    if update not in ("simultaneous", "alternating"):
        raise ValueError(f'`update` must be "simultaneous" or "alternating". Received: update={update!r}')


def check_seed(seed, optional=False):
    """Returns an integer in [0, 2**31) for any integer, the same for one that lies there; None if `optional`.

    Raises:
        TypeError: the seed is not an integer.
    """
    if seed is None and optional:
        return None
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool):
        raise TypeError(f"`seed` must be an integer{' or None' if optional else ''}. Received: seed={seed!r}")
    return int(seed) if 0 <= seed < 2**31 else mix_seed(seed)


def mix_seed(seed):
    """A number in [0, 2**31) that is far from those of neighboring integers; None stays None."""
    if seed is None:
        return None
    return int(np.random.SeedSequence((int(seed < 0), abs(int(seed)))).generate_state(1)[0] >> 1)


def check_count(name, n, smallest=1):
    """Returns `n` as an int, and raises unless it is an integer of at least `smallest`."""
    rule = f"`{name}` must be {'a positive integer' if smallest == 1 else f'an integer of at least {smallest}'}"
    if not isinstance(n, int | np.integer) or isinstance(n, bool):
        raise TypeError(f"{rule}. Received: {name}={n!r}")
    if n < smallest:
        raise ValueError(f"{rule}. Received: {name}={n}")
    return int(n)


# arguments of Keras's `fit`, `evaluate` and `predict` that count something: smallest value, and whether None is allowed
_COUNTS = {
    "batch_size": (1, True),
    "epochs": (0, False),
    "initial_epoch": (0, False),
    "steps_per_epoch": (1, True),
    "validation_batch_size": (1, True),
    "validation_steps": (1, True),
    "validation_freq": (1, False),
    "steps": (1, True),
}


def check_fit_arguments(**arguments):
    """Returns the arguments of `fit`, `evaluate` or `predict`, NumPy integers as ints, and raises if one is invalid."""
    for name in _COUNTS.keys() & arguments.keys():
        value, (smallest, optional) = arguments[name], _COUNTS[name]
        if name == "validation_freq" and isinstance(value, list):  # of epochs
            arguments[name] = [check_count(name, epoch) for epoch in value]
        elif not (optional and value is None):
            arguments[name] = check_count(name, value, smallest)
    split = arguments.get("validation_split", 0.0)
    if not is_number(split) or not 0 <= split < 1:
        raise ValueError(f"`validation_split` must be a number in [0, 1). Received: validation_split={split!r}")
    return arguments


def check_empty_folder(folder):
    """Returns the path of a folder, and raises ValueError if it is a file or not empty."""
    folder = pathlib.Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(
            "`folder` must be empty or not exist, so that no file is overwritten: choose another or delete it. "
            f"Received: folder={str(folder)!r}"
        )
    return folder


def check_momentum(momentum):
    """Raises ValueError unless `momentum` is None or a number between 0 and 1."""
    if momentum is not None and not (is_number(momentum) and 0 < momentum < 1):
        raise ValueError(
            "`ema_momentum` must be between 0 and 1, such as 0.999 to average over about 1,000 steps, or None for no "
            f"EMA. Received: ema_momentum={momentum!r}"
        )


def check_augmentation(augmentation, image_shape, value_range):
    """Raises unless `augmentation` is None or a Keras layer that keeps the shape and range of images; builds it."""
    if augmentation is None:
        return
    if not isinstance(augmentation, keras.layers.Layer):
        raise TypeError(
            "`augmentation` must be a Keras layer from images to images, such as "
            f"keras_dcgan.augmentation.DiffAugment(). Received: augmentation={augmentation!r}"
        )
    _check_layer_range(augmentation, value_range)
    shape = (None, *image_shape)
    made = augmentation(keras.KerasTensor(shape, "float32"), training=True).shape
    if tuple(made) != shape:
        raise ValueError(
            "`augmentation` must keep the shape of the images, because the discriminator reads them. "
            f"Received: a layer from {shape} to {tuple(made)}"
        )


def _check_layer_range(augmentation, value_range):
    """Raises ValueError if an augmentation, or a layer inside it, is for images in another range."""
    low, high = value_range
    for part in augmentation._flatten_layers():
        own = getattr(part, "value_range", None)
        if own is not None and tuple(own) != tuple(value_range):
            raise ValueError(
                "`augmentation` must have the model's value_range: create the layer with "
                f"value_range=({low:g}, {high:g}). Received: {type(part).__name__} with value_range={tuple(own)}"
            )


def _describe(value):
    if is_array(value):
        return f"shape {tuple(value.shape)}"
    return f"{type(value).__name__}" + (
        f" of length {len(value)}" if isinstance(value, list | tuple | dict) else f" {value!r}"
    )


def _dtype(array):
    """Name of the dtype of any backend's array."""
    return str(getattr(array.dtype, "name", array.dtype)).removeprefix("torch.")


def _join(shape):
    return ", ".join(str(n) for n in shape)


def check_networks(
    generator: Any, discriminator: Any, value_range: Sequence[float], *, conditional: bool
) -> tuple[int, tuple[int, int, int]]:
    """Returns `(latent_dim, image_shape)`, and raises unless the two networks fit together.

    Raises:
        TypeError: a network is not a Keras model with known inputs and outputs.
        ValueError: shapes, dtypes or final activations do not fit.
    """
    for name, network in (("generator", generator), ("discriminator", discriminator)):
        if not isinstance(network, keras.Model) or not getattr(network, "outputs", None):
            raise TypeError(
                f"`{name}` must be a built keras.Sequential or functional keras.Model; wrap any other as "
                f"keras.Model(inputs, layer(inputs)). Received: {name}={network!r}"
            )
        wanted = 1 + conditional
        if len(network.inputs) != wanted or len(network.outputs) != 1:
            what = {"generator": "latent vectors", "discriminator": "images"}[name]
            raise ValueError(
                f"`{name}` must take {f'[{what}, labels]' if conditional else what} and return one output"
                f"{'; for networks with labels use ConditionalDCGAN' if not conditional else ''}. "
                f"Received: {len(network.inputs)} inputs, {len(network.outputs)} outputs"
            )
        regularized = [x.name for x in network._flatten_layers() if x.activity_regularizer is not None]
        if regularized:
            raise ValueError(
                f"`{name}`: activity regularizers are not supported, because not every backend counts them; use weight "
                f"regularizers. Received: an activity_regularizer in {', '.join(regularized)}"
            )
        if conditional and network.inputs[1].shape[1:] not in ((), (1,)):
            raise ValueError(
                f"`{name}` must take integer labels of shape (batch,) or (batch, 1) as its second input. "
                f"Received: second input of shape {network.inputs[1].shape}"
            )
        if network.outputs[0].dtype != "float32":
            raise ValueError(
                f'`{name}` must end in float32, also under mixed precision: give its last layer dtype="float32". '
                f"Received: output of dtype {network.outputs[0].dtype}"
            )
    shared = {id(v) for v in generator.variables} & {id(v) for v in discriminator.variables}
    if shared:
        paths = sorted(v.path for v in generator.variables if id(v) in shared)
        raise ValueError(
            "`generator` and `discriminator` must not share layers, because each is trained and saved separately. "
            f"Received: networks that share {', '.join(paths)}"
        )
    latents, image = generator.inputs[0].shape, generator.outputs[0].shape
    if len(latents) != 2 or latents[1] is None:
        raise ValueError(
            "`generator` must take latent vectors of shape (batch, latent_dim); start with keras.layers.Reshape if it "
            f"needs another shape. Received: input of shape {latents}"
        )
    if len(image) != 4 or None in image[1:]:
        raise ValueError(
            "`generator` must return images of shape (batch, height, width, channels), all but the batch known. "
            f"Received: output of shape {image}"
        )
    if discriminator.inputs[0].shape[1:] != image[1:]:
        raise ValueError(
            "`generator` and `discriminator` must have images of the same shape. Received: "
            f"generator of {image[1:]} images, discriminator of {discriminator.inputs[0].shape[1:]} images"
        )
    if discriminator.outputs[0].shape[1:] != (1,):
        raise ValueError(
            "`discriminator` must return one logit per image, shape (batch, 1): end it in Flatten and Dense(1). "
            f"Received: output of shape {discriminator.outputs[0].shape}"
        )
    _check_activations(final_activation(generator), final_activation(discriminator), value_range)
    return latents[1], image[1:]


def _check_activations(of_generator, of_discriminator, value_range):
    if of_discriminator != "linear":
        raise ValueError(
            "`discriminator` must end in a linear unit, Dense(1) without activation: its output is read as a logit, "
            "and the loss applies the sigmoid. With another activation before the sigmoid, the logits are bounded, the "
            f"gradient vanishes, and training fails. Received: a discriminator that ends in {of_discriminator}"
        )
    made = {"tanh": (-1, 1), "sigmoid": (0, 1)}.get(of_generator)
    if made is not None and tuple(value_range) != made:
        raise ValueError(
            f"`value_range` must be the range of the generator's last activation, {made} for {of_generator}. "
            f"Received: value_range={tuple(value_range)}"
        )


def final_activation(model):
    """Name of the activation that a functional model ends in, "linear" if there is none.

    Layers that pass values on (reshaping, dropout) are skipped; nested models are searched.
    """
    tensor = model.outputs[0]
    while True:
        operation, node, _ = tensor._keras_history
        if isinstance(operation, keras.Model) and getattr(operation, "outputs", None):
            tensor = operation.outputs[0]
        elif isinstance(operation, _TRANSPARENT):
            tensor = operation._inbound_nodes[node].input_tensors[0]
        else:
            break
    operation = unwrapped(operation)
    activation = getattr(operation, "activation", None)
    if activation is not None:
        return getattr(activation, "__name__", type(activation).__name__.lower())
    name = type(operation).__name__.lower()
    return name if name in _SQUASHING else "linear"


def unwrapped(operation):
    """The layer inside wrappers such as `SpectralNormalization`; any other operation unchanged."""
    while isinstance(operation, keras.layers.Wrapper):
        operation = operation.layer
    return operation


_TRANSPARENT = keras.layers.Flatten | keras.layers.Reshape | keras.layers.Dropout | keras.layers.Identity
# layers and operations that are an activation by themselves, by class name
_SQUASHING = (
    "sigmoid",
    "tanh",
    "softmax",
    "hardsigmoid",
    "hardtanh",
    "softsign",
    "logsigmoid",
    "relu",
    "relu6",
    "softplus",
)
