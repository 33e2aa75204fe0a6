"""Stand-ins for a trained model and a feature extractor, for callbacks that only draw samples."""

import keras
import numpy as np


class StubModel:
    """Generates images that depend on the latent vectors, the labels and the number of epochs.

    Args:
        image_shape: `(height, width, channels)`.
        num_classes, class_names: those of a conditional model, or None.
        learns: False for a model whose images never change.
    """

    def __init__(self, image_shape=(8, 8, 1), num_classes=None, learns=True, class_names=None):
        self.image_shape = image_shape
        self.learns = learns
        self.epochs = self.epochs_trained = 0
        self.num_classes, self.class_names = num_classes, class_names

    def sample_latents(self, n, seed):
        return np.random.default_rng(seed).normal(size=(n, 4))

    def generate(self, n=None, *, latents=None, labels=None, seed=None):
        latents = self.sample_latents(n, seed) if latents is None else latents
        weights = np.random.default_rng(self.epochs * self.learns).normal(0, 30, (4, *self.image_shape))
        made = 128 + np.tensordot(latents, weights, 1)
        if labels is not None:
            made += 20 * np.reshape(labels, (-1, 1, 1, 1))
        return np.clip(made, 0, 255).astype("uint8")

    def fit(self, *callbacks, epochs=1, initial_epoch=0, verbose=0):
        """Calls the callbacks like `keras.Model.fit` and returns the same history."""
        calls = keras.callbacks.CallbackList([*callbacks], add_history=True, model=self, epochs=epochs, verbose=verbose)
        calls.on_train_begin()
        for epoch in range(initial_epoch, epochs):
            calls.on_epoch_begin(epoch)
            self.epochs += 1
            calls.on_epoch_end(epoch, {})
            self.epochs_trained += 1
        calls.on_train_end()
        return self.history


class StubExtractor:
    """Projects pixels to six features."""

    def __init__(self):
        self.sizes = []

    def predict_on_batch(self, x):
        self.sizes.append(len(x))
        x = np.reshape(x / 255, (len(x), -1))
        return np.tanh(x @ np.random.default_rng(1).normal(size=(x.shape[1], 6)))
