"""Presets: published systems, and recommended ones, as plain dicts of builder arguments.

`generator`, `discriminator` and `model` hold keyword arguments of the two builders and of the model; `from_preset`
overrides a key in every one of the three that has it. `training` tells how the system was trained.
A file of `weights/` holds the trained generator of the preset that it is named after: the arrays of `get_weights()`, in
half precision.
"""

import pathlib
from typing import Any

import keras
import numpy as np

from keras_dcgan import networks

WEIGHTS = pathlib.Path(__file__).parent / "weights"

_TUTORIAL = "TensorFlow's DCGAN tutorial"
_RADFORD = "Radford, Metz and Chintala, Unsupervised Representation Learning with DCGANs, 2016"
_RECOMMENDED_TRAINING = "batch 32, Adam(1e-3, beta_1=0.5) for both networks, losses.R1(gamma=0.1, interval=4)"
_RADFORD_TRAINING = "batch 128, Adam(2e-4, beta_1=0.5) for both networks"

PRESETS: dict[str, dict[str, Any]] = {
    "mnist": {
        "conditional": False,
        "builders": (networks.tutorial_generator, networks.tutorial_discriminator),
        "generator": {
            "image_shape": (28, 28, 1),
            "latent_dim": 100,
            "batch_norm_synchronized": False,
            "width": 1.0,
            "value_range": (-1, 1),
        },
        "discriminator": {"image_shape": (28, 28, 1), "width": 1.0, "dropout": 0.3},
        "model": {"latent_prior": "normal", "value_range": (-1, 1), "ema_momentum": None, "augmentation": None},
        "reference": _TUTORIAL,
        "training": "batch 256, Adam(1e-4) for both networks, 50 epochs, a checkpoint every 15",
    },
    "cifar10": {
        "conditional": False,
        "builders": (networks.tutorial_generator, networks.tutorial_discriminator),
        "generator": {
            "image_shape": (32, 32, 3),
            "latent_dim": 100,
            "batch_norm_synchronized": False,
            "width": 1.0,
            "value_range": (-1, 1),
        },
        "discriminator": {"image_shape": (32, 32, 3), "width": 1.0, "dropout": 0.3},
        "model": {"latent_prior": "normal", "value_range": (-1, 1), "ema_momentum": None, "augmentation": None},
        "reference": _TUTORIAL,
        "training": "batch 256, Adam(1e-4) for both networks, 100 epochs",
    },
    "fashion_mnist_conditional": {
        "conditional": True,
        "builders": (networks.label_map_generator, networks.label_map_discriminator),
        "generator": {
            "image_shape": (28, 28, 1),
            "latent_dim": 100,
            "num_classes": 10,
            "width": 1.0,
            "value_range": (-1, 1),
        },
        "discriminator": {"image_shape": (28, 28, 1), "num_classes": 10, "width": 1.0, "dropout": 0.3},
        "model": {"latent_prior": "normal", "value_range": (-1, 1), "ema_momentum": None, "augmentation": None},
        "reference": "a course's conditional GAN on Fashion-MNIST, its discriminator's last tanh left out",
        "training": "100 epochs",
    },
    "radford_64": {
        "conditional": False,
        "builders": (networks.radford_generator, networks.radford_discriminator),
        "generator": {
            "image_shape": (64, 64, 3),
            "latent_dim": 100,
            "depth": 4,
            "kernel_size": 5,
            "batch_norm_affine": True,
            "batch_norm_synchronized": False,
            "width": 1.0,
            "value_range": (-1, 1),
        },
        "discriminator": {
            "image_shape": (64, 64, 3),
            "depth": 4,
            "kernel_size": 5,
            "batch_norm_affine": True,
            "batch_norm_synchronized": False,
            "width": 1.0,
        },
        "model": {"latent_prior": "uniform", "value_range": (-1, 1), "ema_momentum": None, "augmentation": None},
        "reference": _RADFORD,
        "training": _RADFORD_TRAINING,
    },
    "radford_28": {
        "conditional": False,
        "builders": (networks.radford_generator, networks.radford_discriminator),
        "generator": {
            "image_shape": (28, 28, 1),
            "latent_dim": 100,
            "depth": 2,
            "kernel_size": 4,
            "batch_norm_affine": True,
            "batch_norm_synchronized": False,
            "width": 1.0,
            "value_range": (-1, 1),
        },
        "discriminator": {
            "image_shape": (28, 28, 1),
            "depth": 2,
            "kernel_size": 4,
            "batch_norm_affine": True,
            "batch_norm_synchronized": False,
            "width": 1.0,
        },
        "model": {"latent_prior": "uniform", "value_range": (-1, 1), "ema_momentum": None, "augmentation": None},
        "reference": _RADFORD,
        "training": _RADFORD_TRAINING,
    },
    "radford_28_conditional": {
        "conditional": True,
        "builders": (networks.radford_generator, networks.radford_discriminator),
        "generator": {
            "image_shape": (28, 28, 1),
            "latent_dim": 100,
            "num_classes": 10,
            "depth": 2,
            "kernel_size": 4,
            "batch_norm_affine": True,
            "batch_norm_synchronized": False,
            "width": 1.0,
            "value_range": (-1, 1),
        },
        "discriminator": {
            "image_shape": (28, 28, 1),
            "num_classes": 10,
            "depth": 2,
            "kernel_size": 4,
            "batch_norm_affine": True,
            "projection": "average",
            "batch_norm_synchronized": False,
            "width": 1.0,
        },
        "model": {"latent_prior": "uniform", "value_range": (-1, 1), "ema_momentum": None, "augmentation": None},
        "reference": f"{_RADFORD}; Miyato and Koyama, cGANs with Projection Discriminator, 2018",
        "training": _RADFORD_TRAINING,
    },
    "radford_mnist": {
        "conditional": True,
        "builders": (networks.radford_mnist_generator, networks.radford_mnist_discriminator),
        "generator": {
            "image_shape": (28, 28, 1),
            "latent_dim": 100,
            "num_classes": 10,
            "kernel_size": 5,
            "batch_norm_synchronized": False,
            "width": 1.0,
            "value_range": (-1, 1),
        },
        "discriminator": {
            "image_shape": (28, 28, 1),
            "num_classes": 10,
            "kernel_size": 5,
            "batch_norm_synchronized": False,
            "width": 1.0,
        },
        "model": {"latent_prior": "uniform", "value_range": (-1, 1), "ema_momentum": None, "augmentation": None},
        "reference": f"{_RADFORD}, appendix A.1",
        "training": f"{_RADFORD_TRAINING}, weight decay 2.5e-5, 200 epochs, the rates falling linearly to 0 in "
        "the second 100",
    },
    "all_convolutional_28": {
        "conditional": False,
        "builders": (networks.all_convolutional_generator, networks.all_convolutional_discriminator),
        "generator": {
            "image_shape": (28, 28, 1),
            "latent_dim": 100,
            "batch_norm_synchronized": False,
            "width": 1.0,
            "value_range": (-1, 1),
        },
        "discriminator": {"image_shape": (28, 28, 1), "batch_norm_synchronized": False, "width": 1.0},
        "model": {"latent_prior": "uniform", "value_range": (-1, 1), "ema_momentum": None, "augmentation": None},
        "reference": f"{_RADFORD}, with a transposed convolution in place of its projection",
        "training": _RADFORD_TRAINING,
    },
    "recommended": {
        "conditional": False,
        "builders": (networks.radford_generator, networks.radford_discriminator),
        "generator": {
            "image_shape": (28, 28, 1),
            "latent_dim": 100,
            "filters": 64,
            "kernel_size": 4,
            "batch_norm_synchronized": False,
            "width": 1.0,
            "value_range": (-1, 1),
        },
        "discriminator": {
            "image_shape": (28, 28, 1),
            "filters": 32,
            "kernel_size": 4,
            "batch_norm": True,
            "batch_norm_synchronized": False,
            "width": 1.0,
        },
        "model": {"latent_prior": "uniform", "value_range": (-1, 1), "ema_momentum": 0.999, "augmentation": None},
        "reference": f"{_RADFORD}, with settings chosen by this library's measurements",
        "training": _RECOMMENDED_TRAINING,
    },
    "recommended_conditional": {
        "conditional": True,
        "builders": (networks.radford_generator, networks.radford_discriminator),
        "generator": {
            "image_shape": (28, 28, 1),
            "latent_dim": 100,
            "num_classes": 10,
            "filters": 64,
            "kernel_size": 4,
            "batch_norm_synchronized": False,
            "width": 1.0,
            "value_range": (-1, 1),
        },
        "discriminator": {
            "image_shape": (28, 28, 1),
            "num_classes": 10,
            "filters": 32,
            "kernel_size": 4,
            "batch_norm": True,
            "projection": "positions",
            "batch_norm_synchronized": False,
            "width": 1.0,
        },
        "model": {"latent_prior": "uniform", "value_range": (-1, 1), "ema_momentum": 0.999, "augmentation": None},
        "reference": f"{_RADFORD}; Miyato and Koyama, cGANs with Projection Discriminator, 2018; with settings chosen "
        "by this library's measurements",
        "training": _RECOMMENDED_TRAINING,
    },
}

_CONDITIONAL = PRESETS["recommended_conditional"]
PRESETS["recommended_fashion_mnist"] = _CONDITIONAL | {
    "discriminator": _CONDITIONAL["discriminator"] | {"filters": 64},
    "training": f"60,000 images, 20 epochs, {_RECOMMENDED_TRAINING}, both rates falling linearly to 0",
}
PRESETS["recommended_mnist"] = _CONDITIONAL | {
    "builders": (networks.radford_generator, networks.radford_mnist_discriminator),
    "generator": _CONDITIONAL["generator"] | {"latent_dim": 50, "filters": 96},
    "discriminator": PRESETS["radford_mnist"]["discriminator"] | {"kernel_size": 4},
    "reference": PRESETS["radford_mnist"]["reference"] + ", with settings chosen by this library's measurements",
    "training": "60,000 images, 60 epochs, "
    + _RECOMMENDED_TRAINING.replace("batch 32", "batch 64")
    + ", both rates falling linearly to 0",
}
PRESETS["recommended_cifar10"] = _CONDITIONAL | {
    "generator": _CONDITIONAL["generator"] | {"image_shape": (32, 32, 3)},
    "discriminator": _CONDITIONAL["discriminator"] | {"image_shape": (32, 32, 3), "filters": 64, "batch_norm": False},
    "training": f"50,000 images, 24 epochs, {_RECOMMENDED_TRAINING}, both rates falling linearly to 0",
}


def build(
    name: str, *, conditional: bool, load_weights: bool = False, seed: int | None = None, **overrides: Any
) -> tuple[keras.Model, keras.Model, dict[str, Any]]:
    """Builds a preset's networks.

    Args:
        name: str, a key of `PRESETS`.
        conditional: bool, whether the model to be built takes labels.
        load_weights: bool, whether the generator gets the trained weights of `WEIGHTS`.
        seed: int or None, for the networks' initial weights.
        **overrides: arguments that replace the preset's own.

    Returns:
        `(generator, discriminator, model_arguments)`.

    Raises:
        ValueError: an unknown preset or override, a preset for the other model, or trained weights that there are not,
            or not for these overrides.
    """
    kind = {True: "ConditionalDCGAN", False: "DCGAN"}
    if name not in PRESETS:
        names = ", ".join(f'"{n}"' for n, preset in PRESETS.items() if preset["conditional"] == conditional)
        raise ValueError(f"Unknown preset. {kind[conditional]} knows {names}. Received: name={name!r}")
    preset = PRESETS[name]
    if preset["conditional"] != conditional:
        raise ValueError(
            f"This preset has networks {'with' if preset['conditional'] else 'without'} labels: use "
            f'{kind[not conditional]}.from_preset("{name}"). Received: name={name!r}'
        )
    sections = [preset["generator"], preset["discriminator"], preset["model"]]
    known = sorted(set().union(*sections))
    unknown = sorted(set(overrides) - set(known))
    if unknown:
        raise ValueError(f'Preset "{name}" takes the overrides {", ".join(known)}. Received: {", ".join(unknown)}')
    if load_weights:
        _check_trained(name, overrides)
    generator, discriminator, model = (
        {key: overrides.get(key, value) for key, value in section.items()} for section in sections
    )
    make_generator, make_discriminator = preset["builders"]
    # two seeds from one, so that the networks do not start with the same numbers
    seeds = (None, None) if seed is None else (2 * seed, 2 * seed + 1)
    generator = make_generator(**generator, seed=seeds[0])
    if load_weights:
        with np.load(WEIGHTS / f"{name}.npz") as file:
            generator.set_weights([file[key] for key in file.files])
    return generator, make_discriminator(**discriminator, seed=seeds[1]), model


def _check_trained(name, overrides):
    trained = sorted(path.stem for path in WEIGHTS.glob("*.npz"))
    if name not in trained:
        known = ", ".join(f'"{n}"' for n in trained)
        raise ValueError(f"`load_weights`: there are trained weights of {known}. Received: name={name!r}")
    allowed = ("ema_momentum", "augmentation")
    refused = sorted(set(overrides).difference(allowed))
    if refused:
        raise ValueError(
            "`load_weights=True` takes the networks as they were trained: of the overrides only "
            f"{' and '.join(allowed)} may be given. Received: {', '.join(refused)}"
        )
