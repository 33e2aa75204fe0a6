"""tf.data pipelines without autotuning, which can delay the end of an epoch.

TensorFlow's autotuning runs in a thread of the iterator that wakes up after 10 ms, 20 ms, 40 ms and so on, up to a
minute. At the end of an epoch, the iterator notifies this thread and waits for it. In TensorFlow 2.21, the thread often
misses the notification and sleeps for its whole interval, up to a minute. The gain of tuning is small compared with a
training step.
"""

from keras_dcgan.training import validation


def of_arrays(images, labels, batch_size, seed):
    """Returns batches of arrays like Keras's trainer, without autotuning.

    Args:
        images: `(n, height, width, channels)` array or tensor.
        labels: `(n,)` or `(n, 1)` array or tensor, or None.
        batch_size: int.
        seed: `(state, iterations)`, variables of a `keras.random.SeedGenerator` and of an optimizer. Their values at
            the beginning of an epoch determine its order; they are not changed. `None` keeps the order of the arrays.

    Returns:
        `tf.data.Dataset` of batches of images, or of pairs of images and labels. The last batch may be smaller.
    """
    import tensorflow as tf

    with tf.device("CPU"):  # a GPU would otherwise hold the whole dataset
        parts = [tf.convert_to_tensor(validation.as_numpy(part)) for part in (images, labels) if part is not None]
    n = len(images)

    def order(_):
        indices = tf.range(n, dtype="int64")
        if seed is None:
            return indices
        state, iterations = (tf.cast(tf.convert_to_tensor(variable.value), "int64") for variable in seed)
        own = tf.random.experimental.stateless_fold_in(state, iterations)
        return tf.random.experimental.stateless_shuffle(indices, own)

    def batches(order):
        return tf.data.Dataset.range(0, n, batch_size).map(lambda i: order[i : i + batch_size])

    def batch(indices):
        taken = tuple(tf.gather(part, indices) for part in parts)
        return taken if len(taken) > 1 else taken[0]

    dataset = tf.data.Dataset.range(1).map(order).flat_map(batches).map(batch).prefetch(2)
    return untuned(dataset.apply(tf.data.experimental.assert_cardinality(-(-n // batch_size))))


def untuned(dataset):
    """The dataset without autotuning, unless its own options set it."""
    import tensorflow as tf

    if dataset.options().autotune.enabled is not None:
        return dataset
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
