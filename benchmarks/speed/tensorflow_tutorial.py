"""The loop of TensorFlow's DCGAN tutorial: two tapes in one tf.function, and a Python loop over the dataset."""

import keras
import tensorflow as tf


class Loop:
    def __init__(self, generator, discriminator, images, batch_size, g_opt, d_opt):
        images = (images.astype("float32") - 127.5) / 127.5
        self.data = tf.data.Dataset.from_tensor_slices(images).shuffle(len(images)).batch(batch_size)
        self.generator, self.discriminator = generator, discriminator
        self.g_opt, self.d_opt = g_opt, d_opt
        self.cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
        self.noise_shape = (batch_size, generator.input_shape[1])

    def g_loss(self, fake):
        return self.cross_entropy(tf.ones_like(fake), fake)

    def d_loss(self, real, fake):
        return self.cross_entropy(tf.ones_like(real), real) + self.cross_entropy(tf.zeros_like(fake), fake)

    @tf.function
    def train_step(self, images):
        noise = tf.random.normal(self.noise_shape)
        with tf.GradientTape() as g_tape, tf.GradientTape() as d_tape:
            generated = self.generator(noise, training=True)
            real = self.discriminator(images, training=True)
            fake = self.discriminator(generated, training=True)
            g_loss, d_loss = self.g_loss(fake), self.d_loss(real, fake)
        g_gradients = g_tape.gradient(g_loss, self.generator.trainable_variables)
        d_gradients = d_tape.gradient(d_loss, self.discriminator.trainable_variables)
        self.g_opt.apply_gradients(zip(g_gradients, self.generator.trainable_variables, strict=True))
        self.d_opt.apply_gradients(zip(d_gradients, self.discriminator.trainable_variables, strict=True))
        return g_loss, d_loss

    def train(self, starter):
        while starter.go():
            for batch in self.data:
                self.train_step(batch)
            starter.done()
