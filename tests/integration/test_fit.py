"""`fit` in all its forms: how steps are counted, cut and compiled changes nothing in what is computed."""

from unittest import mock

import keras
import numpy as np
import pytest
from conftest import BACKEND, assert_identical, once, starts_workers, tiny

import keras_dcgan

pytestmark = pytest.mark.compiled


def new(**options):
    """A model with dropout, so that every draw counts."""
    gan = tiny("mnist")
    gan.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3), **options)
    return gan


def trained(images, fit=(), **options):
    """That model after two epochs of three steps."""
    gan = new(**options)
    gan.fit(images, **({"batch_size": 8, "epochs": 2, "shuffle": False, "verbose": 0} | dict(fit)))
    return gan


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (24, 8, 8, 1), "uint8")


@pytest.fixture(scope="module")
def plain(images):
    """That model, trained once for all tests, which only compare with it."""
    return trained(images)


def close(one, other, rtol=1e-5, atol=1e-6):
    for a, b in zip(one.weights, other.weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=rtol, atol=atol)
    assert one.optimizer.iterations.numpy() == other.optimizer.iterations.numpy()


def test_several_steps_in_one_execution(images, plain):
    if BACKEND == "torch":
        with pytest.raises(ValueError, match="must be 1 with the PyTorch backend"):  # Keras says so
            trained(images, steps_per_execution=3)
        return
    close(trained(images, steps_per_execution=3), plain)


def test_discriminator_steps_in_one_execution_or_several_and_resumed(images, tmp_path):
    options = {"discriminator_steps": 2, "penalties": [keras_dcgan.penalties.GradientPenalty()]}
    whole = trained(images, **options)
    assert whole.d_opt.iterations.numpy() == 2 * whole.g_opt.iterations.numpy() == 12
    if BACKEND != "torch":  # which runs steps one by one
        # Adam turns the rounding of gradients near zero into steps, which are 1e-3 at most
        close(trained(images, steps_per_execution=3, **options), whole, rtol=1e-3, atol=1e-4)
    half = trained(images, fit={"epochs": 1}, **options)
    half.save(tmp_path / "gan.keras")
    resumed = keras.saving.load_model(tmp_path / "gan.keras")
    resumed.fit(images, batch_size=8, initial_epoch=1, epochs=2, shuffle=False, verbose=0)
    assert_identical(resumed, whole)


@pytest.mark.skipif(BACKEND != "jax", reason="a loop on the device, which is JAX's")
def test_several_steps_in_one_call_of_a_gpu(images, monkeypatch):
    from jax import lax

    whole = trained(images[:20])  # the last batch is smaller
    monkeypatch.setattr("jax.default_backend", lambda: "gpu")
    with mock.patch.object(lax, "scan", wraps=lax.scan) as scan:
        gan = trained(images[:20], steps_per_execution=2)
    assert [len(call.args[2]) for call in scan.call_args_list] == [2, 1]
    close(gan, whole)
    for name, values in whole.history.history.items():
        np.testing.assert_allclose(gan.history.history[name], values, rtol=1e-4)


@pytest.mark.once
def test_a_step_is_called_without_what_keras_wraps_it_in(images):
    import tensorflow as tf

    with mock.patch.object(tf.experimental.Optional, "from_value", wraps=tf.experimental.Optional.from_value) as wrap:
        gan = trained(images[:20])
        assert not wrap.called
        with mock.patch("keras_dcgan.backend.tensorflow._single_step", return_value=None):
            other = trained(images[:20])
        assert wrap.called
    close(gan, other)
    for name, values in other.history.history.items():
        np.testing.assert_allclose(gan.history.history[name], values, rtol=1e-4)


def test_eager_steps(images, plain):
    close(trained(images, run_eagerly=True), plain, rtol=1e-3, atol=1e-4)


def test_epochs_of_a_few_steps_of_endless_data(images, plain):
    def endless():
        while True:
            for i in range(0, 24, 8):
                yield images[i : i + 8]

    other = new()
    history = other.fit(endless(), steps_per_epoch=2, epochs=3, shuffle=False, verbose=0)
    assert history.epoch == [0, 1, 2]
    close(plain, other)


def test_epochs_that_go_on_where_others_ended(images, plain):
    gan = trained(images, fit={"epochs": 1})
    history = gan.fit(images, batch_size=8, initial_epoch=1, epochs=2, shuffle=False, verbose=0)
    assert history.epoch == [1]
    assert_identical(gan, plain)


def test_a_smaller_last_batch_trains_as_it_is(images):
    by_hand = new()
    for i in (0, 8, 16) * 2:
        by_hand.train_on_batch(images[i : min(i + 8, 20)])
    close(trained(images[:20]), by_hand)


def test_a_batch_of_one(images):
    gan = trained(images[:3], fit={"batch_size": 1})
    assert gan.optimizer.iterations.numpy() == 6
    assert all(np.isfinite(v.numpy()).all() for v in gan.variables)


def test_batch_by_batch_by_hand(images, plain):
    gan = new()
    for i in (0, 8, 16) * 2:
        logs = gan.train_on_batch(images[i : i + 8], return_dict=True)
    close(gan, plain)
    assert logs["loss"] == pytest.approx(logs["g_loss"] + logs["d_loss"], rel=1e-5)


def test_validation_disturbs_nothing_and_is_what_evaluate_says(images, plain):
    gan = new()
    options = {"batch_size": 8, "epochs": 2, "shuffle": False, "verbose": 0}
    history = gan.fit(images, validation_data=(images[:8],), validation_freq=2, **options).history
    close(gan, plain, rtol=0, atol=0)
    figures = gan.evaluate(images[:8], batch_size=8, verbose=0, return_dict=True)
    for name, value in figures.items():
        assert history[f"val_{name}"] == pytest.approx([value], rel=1e-5)


def test_a_share_of_the_images_held_out(images):
    gan = new()
    history = gan.fit(images, validation_split=1 / 3, batch_size=8, epochs=2, shuffle=False, verbose=0).history
    assert len(history["val_loss"]) == 2
    close(gan, trained(images[:16]))


def test_workers_keep_the_order_of_batches(images, plain):
    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, i):
            return images[8 * i : 8 * i + 8]

    gan = new()
    gan.fit(Batches(workers=3), epochs=2, shuffle=False, verbose=0)
    close(gan, plain)


@starts_workers
@pytest.mark.parametrize("options", [once({}), {"persistent_workers": True, "multiprocessing_context": "spawn"}])
def test_worker_processes_of_a_loader(images, plain, options):
    torch = pytest.importorskip("torch")
    loader = torch.utils.data.DataLoader(torch.as_tensor(images), batch_size=8, num_workers=1, **options)
    batches = iter(loader)
    np.testing.assert_array_equal(next(batches), images[:8])
    gan = new()
    gan.fit(loader, epochs=2, shuffle=False, verbose=0)
    close(gan, plain)
    np.testing.assert_array_equal(np.concatenate([*batches]), images[8:])  # fit has its own workers


@starts_workers
def test_batches_of_persistent_workers_are_checked(images):
    torch = pytest.importorskip("torch")
    floats = torch.full((16, 8, 8, 1), 255.0)
    loader = torch.utils.data.DataLoader(floats, batch_size=8, num_workers=1, persistent_workers=True)
    next(iter(loader))
    with pytest.raises(ValueError, match="^Float images must lie in value_range"):
        new().fit(loader, shuffle=False, verbose=0)


@pytest.mark.parametrize("network", ["generator", once("discriminator")])
def test_a_frozen_layer_stays_and_the_others_train(images, network):
    gan = tiny()
    layers = [layer for layer in getattr(gan, network).layers if layer.trainable_variables]
    layers[0].trainable = False
    gan.compile()
    before = [[v.numpy() for v in layer.weights] for layer in layers]
    gan.fit(images, batch_size=8, verbose=0)
    moved = [
        any((a != b.numpy()).any() for a, b in zip(old, layer.weights, strict=True))
        for old, layer in zip(before, layers, strict=True)
    ]
    assert moved == [False] + [True] * (len(layers) - 1)


def test_a_callback_list_made_by_hand(images, plain):
    seen = []
    watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    gan = new()
    callbacks = keras.callbacks.CallbackList([watch], add_history=True, model=gan)
    gan.fit(images, batch_size=8, epochs=2, shuffle=False, verbose=0, callbacks=callbacks)
    assert seen == [0, 1]
    assert_identical(gan, plain)
