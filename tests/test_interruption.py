"""Training that is interrupted at any moment, or used in the middle: the model stays as after a finished step."""

import contextlib
import signal
import sys
import threading

import keras
import numpy as np
import pytest
from conftest import BACKEND, assert_identical, tiny, weights

from keras_dcgan.backend import signals

# where a step begins and ends; tracing the rest of Keras would take long
LOOP = (f"/backend/{BACKEND}/trainer.py", f"/backend/{BACKEND}.py", "/signals.py")


class Stopped(Exception):
    pass


def stop(number, frame):
    raise Stopped


@pytest.fixture
def _stop_button():
    """A handler that raises, as Python's own for Ctrl-C does."""
    before = signal.signal(signal.SIGINT, stop)
    yield
    assert signal.getsignal(signal.SIGINT) is stop  # the library leaves the handler as it was
    signal.signal(signal.SIGINT, before)


def states_after_each_step(gan, images, epochs):
    """The weights before the first step and after each one, without metrics."""
    states = [state(gan)]
    for _ in range(epochs):
        for i in range(0, len(images), 8):
            gan.train_on_batch(images[i : i + 8])
            states.append(state(gan))
    return states


def state(gan):
    """All weights, optimizer states and random states, but for those of evaluation."""
    return [v.numpy() for v in (*gan.variables, *gan.optimizer.variables) if v is not gan._evaluation_seeds.state]


def position(state, states):
    """Which of the states this one is."""
    found = [i for i, other in enumerate(states) if all(map(np.array_equal, state, other))]
    assert found, "not the state after a finished step"
    return found[0]


def signal_at(moment, run):
    """Runs a function and sends SIGINT at the given line of the trainer's code; returns the number of lines."""
    count = 0

    def trace(frame, event, arg):
        nonlocal count
        if not frame.f_code.co_filename.endswith(LOOP):
            return None
        if event == "line":
            count += 1
            if count == moment:
                signal.raise_signal(signal.SIGINT)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.usefixtures("_stop_button")
def test_a_stop_at_any_moment_leaves_the_state_after_a_finished_step(images):
    gan = tiny("mnist", seed=0)
    states = states_after_each_step(tiny("mnist", seed=0), images, epochs=2)
    start = weights(gan)

    def train():
        gan.fit(images, batch_size=8, epochs=2, shuffle=False, verbose=0)

    train()  # compiles
    positions = []
    lines = None
    for share in np.linspace(0.02, 0.98, 30 if BACKEND == "jax" else 4):
        for variable, value in zip((*gan.variables, *gan.optimizer.variables), start, strict=True):
            variable.assign(value)
        if lines is None:
            lines = signal_at(0, train)
            assert position(state(gan), states) == 6
            continue
        with pytest.raises(Stopped):
            signal_at(round(share * lines), train)
        positions.append(position(state(gan), states))
        assert gan.generate(2, seed=0).shape == (2, 8, 8, 1)
    assert positions == sorted(positions)
    assert len(set(positions)) > (4 if BACKEND == "jax" else 1)
    train()


def test_an_error_in_a_callback_or_in_the_data_leaves_the_state_after_the_last_step(images):
    def fail_at(batch, logs):
        if batch == 1:
            raise Stopped

    def batches():
        yield images[:8]
        yield images[8:16]
        raise Stopped

    expected = states_after_each_step(tiny("mnist", seed=0), images, epochs=1)
    for data, callbacks in (
        (images, [keras.callbacks.LambdaCallback(on_train_batch_end=fail_at)]),
        (batches(), []),
    ):
        gan = tiny("mnist", seed=0)
        with pytest.raises(Exception):  # noqa: B017, PT011  TensorFlow wraps errors of generators
            gan.fit(data, batch_size=8, shuffle=False, verbose=0, callbacks=callbacks)
        assert position(state(gan), expected) == 2
        gan.train_on_batch(images[16:24])
        assert position(state(gan), expected) == 3


@pytest.mark.once
def test_signals_wait_until_the_body_has_ended():
    seen = []
    before = signal.signal(signal.SIGINT, lambda *_: seen.append("signal"))
    try:
        with signals.deferred():
            signal.raise_signal(signal.SIGINT)
            seen.append("body")
        assert seen == ["body", "signal"]
        with contextlib.suppress(Stopped), signals.deferred():
            signal.raise_signal(signal.SIGINT)
            raise Stopped
        assert seen == ["body", "signal", "signal"]

        def elsewhere():
            with signals.deferred():
                handlers.append(signal.getsignal(signal.SIGINT))

        handlers = [signal.getsignal(signal.SIGINT)]
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        assert handlers[0] is handlers[1]
    finally:
        signal.signal(signal.SIGINT, before)


def test_several_threads_generate_at_once():
    gan = tiny(seed=0)
    expected = gan.generate(4, seed=0)
    made, errors = [], []

    def serve():
        try:
            made.extend(gan.generate(4, seed=0) for _ in range(5))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=serve) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(made) == 20
    for images in made:
        np.testing.assert_array_equal(images, expected)


def test_a_thread_generates_while_another_trains(images):
    gan, plain = tiny("mnist", ema_momentum=0.9), tiny("mnist", ema_momentum=0.9)
    for model in (gan, plain):
        model.fit(images, batch_size=8, verbose=0, shuffle=False)
    results = []

    def serve():
        try:
            for _ in range(8):
                results.append((gan.generate(2, seed=0), gan.features(images[:2])))
        except Exception as error:
            results.append(error)

    thread = threading.Thread(target=serve)

    def start(batch, logs):
        if thread.ident is None:
            thread.start()

    callback = keras.callbacks.LambdaCallback(on_train_batch_end=start)
    for model, callbacks in ((gan, [callback]), (plain, [])):
        model.fit(images, batch_size=8, epochs=3, verbose=0, shuffle=False, callbacks=callbacks)
    thread.join()
    assert [type(result) for result in results] == [tuple] * 8
    assert_identical(gan, plain)


def uses(gan, images, folder):
    """The results of what a user may call in the middle of training."""
    z = np.ones((2, 4), "float32")
    gan.save(folder / "gan.keras")
    gan.save_weights(folder / "gan.weights.h5")
    return {
        "generate": gan.generate(4, seed=0),
        "features": gan.features(images[:2]),
        "predict": gan.predict(z, verbose=0),
        "predict_on_batch": gan.predict_on_batch(z),
        "evaluate": gan.evaluate(images[:8], verbose=0, batch_size=8),
        "invert": gan.invert(images[:2], steps=1),
    }


def test_a_callback_of_batches_may_use_the_model(tmp_path, images):
    gan, plain, other = (tiny("mnist", ema_momentum=0.9) for _ in range(3))
    results = []

    def use(batch, logs):
        if batch == 1:
            results.append(uses(gan, images, tmp_path))

    callback = keras.callbacks.LambdaCallback(on_train_batch_end=use)
    for model, callbacks in ((gan, [callback]), (plain, [])):
        model.fit(images, batch_size=8, verbose=0, shuffle=False, callbacks=callbacks)
    for a, b in zip(state(gan), state(plain), strict=True):
        np.testing.assert_array_equal(a, b)
    other.fit(images[:16], batch_size=8, verbose=0, shuffle=False)
    saved = keras.saving.load_model(tmp_path / "gan.keras")
    assert_identical(saved, other)
    saved.load_weights(tmp_path / "gan.weights.h5")
    assert_identical(saved, other)
    for name, expected in uses(other, images, tmp_path).items():
        np.testing.assert_allclose(results[0][name], expected, rtol=1e-5, atol=1e-5, err_msg=name)


@pytest.mark.skipif(BACKEND != "jax", reason="Keras donates the weights on JAX only")
def test_a_step_that_cannot_be_traced_leaves_the_model_as_it_was(images):
    gan, plain = tiny(), tiny()
    gan._draw_latents = None
    with pytest.raises(TypeError):
        gan.train_on_batch(images[:8])
    del gan._draw_latents
    assert_identical(gan, plain)
    gan.generator.set_weights([w + 1 for w in gan.generator.get_weights()])
    np.testing.assert_array_equal(gan.generator.get_weights()[0], plain.generator.get_weights()[0] + 1)
    gan.generate(2)
    np.testing.assert_array_equal(gan.generator.get_weights()[0], plain.generator.get_weights()[0] + 1)
