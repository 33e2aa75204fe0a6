"""A saved model continues in a new process as the original does."""

import os
import subprocess
import sys

import keras
import numpy as np
from conftest import BACKEND, tiny, weights

import keras_dcgan

# what a user has: the file, and nothing but these two imports
CHILD = """
import sys
import keras
import keras_dcgan
import numpy as np

path, data, out = sys.argv[1:]
gan = keras.saving.load_model(path)
arrays = np.load(data)
made = gan.generate(4, seed=1)
gan.fit(arrays["images"], arrays["labels"], batch_size=8, epochs=2, shuffle=False, verbose=0)
np.savez(out, made, *[v.numpy() for v in (*gan.variables, *gan.optimizer.variables)])
"""


def test_continues_in_a_new_process_bit_for_bit(tmp_path, images, labels):
    gan = tiny("fashion_mnist_conditional")  # which has dropout
    optimizers = [
        keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(1e-2, 2, 0.9), beta_1=0.5),
        keras.optimizers.RMSprop(1e-3, momentum=0.1, clipnorm=1.0),
    ]
    gan.compile(*optimizers, keras_dcgan.losses.NonSaturating(label_smoothing=0.1), update="alternating")
    gan.fit(images, labels, batch_size=8, epochs=1, shuffle=False, verbose=0)
    gan.save(tmp_path / "gan.keras")
    np.savez(tmp_path / "data.npz", images=images, labels=labels)
    command = [sys.executable, "-c", CHILD, *(str(tmp_path / n) for n in ("gan.keras", "data.npz", "out.npz"))]
    subprocess.run(command, check=True, env=os.environ | {"KERAS_BACKEND": BACKEND})
    made = gan.generate(4, seed=1)
    gan.fit(images, labels, batch_size=8, epochs=2, shuffle=False, verbose=0)
    theirs = np.load(tmp_path / "out.npz")
    ours = [made, *weights(gan)]
    assert len(theirs.files) == len(ours)
    for name, expected in zip(theirs.files, ours, strict=True):
        np.testing.assert_array_equal(theirs[name], expected)
