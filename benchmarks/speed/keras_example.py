"""Keras's example "GAN overriding train_step": the generator runs twice, the discriminator on joined batches."""

import keras
import tensorflow as tf


class GAN(keras.Model):
    def __init__(self, generator, discriminator):
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.latent_dim = generator.input_shape[1]
        self.g_tracker, self.d_tracker = keras.metrics.Mean("g_loss"), keras.metrics.Mean("d_loss")

    @property
    def metrics(self):
        return [self.g_tracker, self.d_tracker]

    def compile(self, g_opt, d_opt, loss_fn):
        super().compile()
        self.g_opt, self.d_opt, self.loss_fn = g_opt, d_opt, loss_fn

    def train_step(self, real):
        n = tf.shape(real)[0]
        combined = tf.concat([self.generator(tf.random.normal((n, self.latent_dim)), training=True), real], axis=0)
        labels = tf.concat([tf.ones((n, 1)), tf.zeros((n, 1))], axis=0)
        labels += 0.05 * tf.random.uniform(tf.shape(labels))  # the example's trick
        with tf.GradientTape() as tape:
            d_loss = self.loss_fn(labels, self.discriminator(combined, training=True))
        variables = self.discriminator.trainable_variables
        self.d_opt.apply_gradients(zip(tape.gradient(d_loss, variables), variables, strict=True))

        noise = tf.random.normal((n, self.latent_dim))
        with tf.GradientTape() as tape:
            fake = self.generator(noise, training=True)
            g_loss = self.loss_fn(tf.zeros((n, 1)), self.discriminator(fake, training=True))
        variables = self.generator.trainable_variables
        self.g_opt.apply_gradients(zip(tape.gradient(g_loss, variables), variables, strict=True))

        self.g_tracker.update_state(g_loss)
        self.d_tracker.update_state(d_loss)
        return {"g_loss": self.g_tracker.result(), "d_loss": self.d_tracker.result()}
