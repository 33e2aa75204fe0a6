"""Seconds from the start of Python to the first sample and the first steps of `recommended`, on the current backend.

KERAS_BACKEND=jax python benchmarks/speed/start.py
"""

import time

start = time.perf_counter()

import keras  # noqa: E402, measured
import numpy as np  # noqa: E402

import keras_dcgan  # noqa: E402


def lap(name):
    print(f"| {name} | {time.perf_counter() - start:.1f} |", flush=True)


class Steps(keras.callbacks.Callback):
    """Ends the training after the second step."""

    def on_train_batch_end(self, batch, logs=None):
        lap(f"step {batch + 1}")
        self.model.stop_training = batch == 1


print(f"| {keras.backend.backend()} | seconds |\n|---|---:|")
lap("imports")
gan = keras_dcgan.DCGAN.from_preset("recommended", seed=0)
gan.compile()
lap("model")
gan.generate(1, seed=0)
lap("first sample")
gan.fit(np.zeros((96, 28, 28, 1), "uint8"), verbose=0, callbacks=[Steps()])
