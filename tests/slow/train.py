"""A training with all that writes files; test_kills.py kills it.

python train.py FOLDER PRESET UPDATE EPOCHS
"""

import sys

import keras
import numpy as np

import keras_dcgan

folder, preset, update, epochs = sys.argv[1:]
data = [np.random.default_rng(0).integers(0, 256, (24, 8, 8, 1), "uint8"), np.arange(24) % 3]
sizes = {"image_shape": (8, 8, 1), "latent_dim": 4, "width": 1 / 32, "seed": 0}
if "conditional" in preset:
    gan = keras_dcgan.ConditionalDCGAN.from_preset(preset, num_classes=3, **sizes)
else:
    gan = keras_dcgan.DCGAN.from_preset(preset, **sizes)
    del data[1]
gan.compile(update=update)
callbacks = [
    keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: sys.audit("train", "step")),
    keras.callbacks.BackupAndRestore(f"{folder}/backup"),
    keras.callbacks.ModelCheckpoint(f"{folder}/gan.keras"),
    keras_dcgan.callbacks.GifSnapshot(f"{folder}/samples.gif", num_images=4),
]
gan.fit(*data, batch_size=8, epochs=int(epochs), shuffle=False, verbose=0, callbacks=callbacks)
gan.save(f"{folder}/end.keras")
