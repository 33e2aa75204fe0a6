"""What type checkers see: all that is public has annotations, and they let through what is right."""

import importlib
import inspect
import pathlib
import re
import subprocess
import sys

import pytest
from test_package import PUBLIC

import keras_dcgan

ROOT = pathlib.Path(__file__).parents[2]
pytestmark = pytest.mark.once

USER = """
import pathlib
from typing import assert_type

import keras
import numpy as np

import keras_dcgan


def train(extractor: keras.Model) -> None:
    images, labels = keras_dcgan.datasets.load("fashion_mnist_10k", image_size=(28, 28))
    assert_type(images, np.ndarray)
    assert_type(keras_dcgan.datasets.load("photos", on_error="raise").class_names, list[str] | None)
    assert labels is not None

    gan = keras_dcgan.DCGAN.from_preset("recommended", image_shape=images.shape[1:], width=0.5, seed=0)
    assert_type(gan, keras_dcgan.DCGAN)
    gan.compile(keras.optimizers.Adam(1e-3, beta_1=0.5), "adam", penalties=[keras_dcgan.penalties.R1(0.1)])
    gan.compile(loss="relativistic", update="alternating", discriminator_steps=2)
    history = gan.fit(
        images,
        batch_size=64,
        epochs=10,
        validation_data=images[:100],
        callbacks=[
            keras_dcgan.callbacks.GifSnapshot("samples.gif", frames_dir="sheets"),
            keras_dcgan.callbacks.EvaluateSamples(extractor, images, ["precision_recall"]),
            keras.callbacks.ModelCheckpoint("gan.keras"),
        ],
    )
    print(history.history["g_loss"], gan.evaluate(images, return_dict=True)["d_loss"], gan.g_opt.learning_rate)
    gan.save("gan.keras")
    gan.save_weights(pathlib.Path("gan.weights.h5"))
    gan.export("generator.onnx", format="onnx")

    assert_type(gan.generate(25, seed=1), np.ndarray)
    z = gan.invert(images[:2], steps=10)
    path = keras_dcgan.latents.walk(z, 10, closed=True)
    path = np.concatenate([path, keras_dcgan.latents.interpolate(z[0], [0.0] * gan.latent_dim, 5, "linear")])
    frames = [keras_dcgan.images.grid(image[None], scale=4) for image in gan.generate(latents=path)]
    keras_dcgan.images.save_animation(frames, "walk.gif", duration=60)
    keras_dcgan.images.save_animation(gan.generate(4), "walk.gif")
    keras_dcgan.images.save(gan.predict(z)[0], "one.png", value_range=gan.value_range)
    keras_dcgan.images.save(keras_dcgan.images.grid([*frames, images[0]]), pathlib.Path("sheet.png"))
    gan.generate(latents=keras_dcgan.latents.sample((5, gan.latent_dim), gan.latent_prior, seed=0, truncation=0.7))

    statistics = keras_dcgan.metrics.FrechetStatistics().update(gan.features(images))
    assert_type(keras_dcgan.metrics.frechet_distance(statistics, gan.features(images)), float)
    precision, recall = keras_dcgan.metrics.precision_recall(gan.features(images), gan.features(images), k=5)
    assert_type(precision + recall, float)


def train_with_labels(images: np.ndarray, labels: np.ndarray) -> keras_dcgan.ConditionalDCGAN:
    augmentation = keras_dcgan.augmentation.DiffAugment(("color", "cutout"), seed=0)
    gan = keras_dcgan.ConditionalDCGAN.from_preset("recommended_conditional", num_classes=10, augmentation=augmentation)
    gan.compile(loss=keras.losses.BinaryCrossentropy(from_logits=True))
    folder = keras_dcgan.datasets.ImageFolder("photos", (28, 28, 1), 64, labels=True, workers=4)
    gan.fit(folder, callbacks=[keras_dcgan.callbacks.GifSnapshot(pathlib.Path("samples.webp"), labels=[0, 1])])
    gan.generate(labels=[3, 1, 4])
    gan.generate(gan.num_classes, labels=3)
    gan.invert(images, labels)
    return gan


class Margin(keras_dcgan.losses.AdversarialLoss):
    def discriminator(self, real_logits: keras.KerasTensor, fake_logits: keras.KerasTensor) -> keras.KerasTensor:
        return keras.ops.mean(fake_logits - real_logits)

    def generator(
        self, fake_logits: keras.KerasTensor, real_logits: keras.KerasTensor | None = None
    ) -> keras.KerasTensor:
        return -keras.ops.mean(fake_logits)


def build() -> keras_dcgan.DCGAN:
    generator = keras_dcgan.networks.radford_generator((32, 32, 3), depth=3, value_range=[0, 1])
    discriminator = keras_dcgan.networks.radford_discriminator((32, 32, 3), batch_norm=False)
    return keras_dcgan.DCGAN(generator, discriminator, latent_prior="uniform", value_range=[0, 1], ema_momentum=0.999)
"""

MISTAKES = """import numpy as np
import keras_dcgan
keras_dcgan.DCGAN.from_preset(3)
gan = keras_dcgan.ConditionalDCGAN.from_preset("recommended_conditional", num_classes=10)
gan.generate("ten")
gan.generate(latents=[[0.0, 1.0]])
gan.invert(np.zeros((1, 28, 28, 1)))
gan.compile(update="sometimes")
gan.fit(np.zeros((1, 28, 28, 1)), epochs="ten")
gan.save(3)
gan.export("generator.onnx", format="torch")
gan.generate(3).colour
keras_dcgan.DCGAN(gan.generator, gan.discriminator, latent_prior="gaussian")
keras_dcgan.networks.radford_generator(28)
keras_dcgan.callbacks.GifSnapshot(25)
keras_dcgan.penalties.R1(gamma="large")
keras_dcgan.augmentation.DiffAugment(value_range=1)
keras_dcgan.datasets.load("mnist", split="dev")
keras_dcgan.latents.sample((1, 100), "gaussian")
keras_dcgan.metrics.precision_recall(gan.generate(3), gan.generate(3), k="many")
keras_dcgan.metric
"""


def public_functions():
    """Names and functions of all that users call or override, also of what is inherited within the package."""
    found = {}
    for module in (importlib.import_module(f"keras_dcgan.{name}") for name in PUBLIC):
        for name, value in vars(module).items():
            if not name.startswith("_") and getattr(value, "__module__", "").startswith(module.__name__):
                found[f"{module.__name__}.{name}"] = value
    functions = {name: value for name, value in found.items() if inspect.isfunction(value)}
    classes = [*filter(inspect.isclass, found.values()), keras_dcgan.DCGAN, keras_dcgan.ConditionalDCGAN]
    for owner in {base for cls in classes for base in cls.__mro__ if base.__module__.startswith("keras_dcgan")}:
        for name, value in vars(owner).items():
            value = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
            if inspect.isfunction(value) and (name in ("__init__", "__call__") or not name.startswith("_")):
                functions[f"{owner.__module__}.{owner.__name__}.{name}"] = value
    return functions


def test_all_that_is_public_has_annotations():
    functions = public_functions()
    some = {
        "dcgan.DCGAN.from_preset",
        "training.checkpoints.CheckpointedModel.save",
        "metrics.distances.FrechetStatistics.covariance",
        "images.grid",
    }
    assert {f"keras_dcgan.{name}" for name in some} <= set(functions)
    missing = []
    for name, function in functions.items():
        signature = inspect.signature(function)
        missing += [
            f"{name}({parameter.name})"
            for parameter in signature.parameters.values()
            if parameter.annotation is parameter.empty and parameter.name not in ("self", "cls")
        ]
        missing += [f"{name} -> ?"] if signature.return_annotation is signature.empty else []
    assert not missing


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """What mypy, strict, says of the package, a user's script, and one whose lines are mistakes."""
    folder = tmp_path_factory.mktemp("scripts")
    scripts = folder / "user.py", folder / "mistakes.py"
    for script, text in zip(scripts, (USER, MISTAKES), strict=True):
        script.write_text(text)
    command = [sys.executable, "-m", "mypy", "--no-error-summary", "keras_dcgan", *scripts]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert not done.stderr
    return done.stdout


def test_the_package_passes_a_strict_type_check(report):
    assert not re.findall(r"^keras_dcgan.*", report, re.MULTILINE)


def test_a_users_script_passes_a_strict_type_check(report):
    assert not re.findall(r"^.*user\.py.*", report, re.MULTILINE)


def test_a_users_mistakes_are_reported(report):
    told = {int(line) for line in re.findall(r"mistakes\.py:(\d+): error", report)}
    assert told == {3, *range(5, 1 + len(MISTAKES.splitlines()))}
