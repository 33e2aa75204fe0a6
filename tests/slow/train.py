"""A training with all that writes files; test_kills.py kills it.

python train.py FOLDER EPOCHS
"""

import sys

import keras
import numpy as np

import keras_dcgan

folder, epochs = sys.argv[1:]
images = np.random.default_rng(0).integers(0, 256, (24, 8, 8, 1), "uint8")
gan = keras_dcgan.DCGAN.from_preset("mnist", image_shape=(8, 8, 1), latent_dim=4, width=1 / 32, seed=0)
gan.compile()
callbacks = [
    keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: sys.audit("train", "step")),
    keras.callbacks.BackupAndRestore(f"{folder}/backup"),
    keras.callbacks.ModelCheckpoint(f"{folder}/gan.keras"),
    keras_dcgan.callbacks.GifSnapshot(f"{folder}/samples.gif", num_images=4),
]
gan.fit(images, batch_size=8, epochs=int(epochs), shuffle=False, verbose=0, callbacks=callbacks)
gan.save(f"{folder}/end.keras")
