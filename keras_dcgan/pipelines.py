"""tf.data pipelines that end an epoch without waiting.

Where TensorFlow tunes a pipeline, a thread of the iterator's looks at it after 10 ms, 20 ms, 40 ms and so on, up to a
minute. At the end of an epoch the iterator wakes that thread and waits for it. In TensorFlow 2.21 the thread often asks
whether it is to end before it is told so, and sleeps on: for as long as the epoch has taken, or a minute, at the most.
What tuning gains, buffers and threads, is small beside a training step.
"""

from keras_dcgan import checks


def of_arrays(images, labels, batch_size, shuffle):
    """Batches of arrays, as Keras's trainer makes them, but untuned.

    Args:
        images: `(n, height, width, channels)` array or tensor.
        labels: `(n,)` or `(n, 1)` array or tensor, or None.
        batch_size: int.
        shuffle: bool, for an order of its own in every epoch, which follows from TensorFlow's global seed.

    Returns:
        `tf.data.Dataset` of image batches, with labels of pairs; the last batch may be smaller.
    """
    import tensorflow as tf

    parts = [tf.convert_to_tensor(checks.as_numpy(part)) for part in (images, labels) if part is not None]
    n = len(images)

    def order(seed):
        indices = tf.range(n, dtype="int64")
        return tf.random.experimental.stateless_shuffle(indices, [seed, 0]) if shuffle else indices

    def batches(order):
        return tf.data.Dataset.range(0, n, batch_size).map(lambda i: order[i : i + batch_size])

    def batch(indices):
        taken = tuple(tf.gather(part, indices) for part in parts)
        return taken if len(taken) > 1 else taken[0]

    # not tf.random.shuffle: with a global seed it gives every epoch the same order
    seeds = tf.data.Dataset.random(rerandomize_each_iteration=True).take(1)
    dataset = seeds.map(order).flat_map(batches).map(batch).prefetch(2)
    return untuned(dataset.apply(tf.data.experimental.assert_cardinality(-(-n // batch_size))))


def untuned(dataset):
    """The dataset without autotuning, unless its own options tell."""
    import tensorflow as tf

    if dataset.options().autotune.enabled is not None:
        return dataset
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
