"""Trains on images that do not fit in memory: they are read batch by batch and go to the device as uint8.

python examples/streaming.py FOLDER --size 64                   # keras_dcgan.datasets.ImageFolder
python examples/streaming.py FOLDER --size 64 --with tfrecord   # TFRecord shards, written on the first run
python examples/streaming.py FOLDER --size 64 --with keras      # keras.utils.image_dataset_from_directory
python examples/streaming.py FOLDER --size 64 --with torch      # a PyTorch DataLoader

FOLDER holds image files, or one folder per class. All sources work on every backend, shuffle in little memory, and give
the same batches for the same seed. Each function reads the share `process` of `processes`, for processes that train one
model together. Run the same command again after an interruption to resume after the last complete epoch.
"""

import argparse
import math
import pathlib

import keras
import numpy as np

import keras_dcgan

PER_SHARD = 4096  # images


def image_folder(folder, shape, batch_size, seed, process, processes):
    """Files in a new order each epoch, read by threads. It finds its process by itself."""
    return keras_dcgan.datasets.ImageFolder(folder, shape, batch_size, seed=seed, workers=2)


def tfrecord(folder, shape, batch_size, seed, process, processes):
    """Shards of raw pixels, as fast as the disk, in a new order each epoch."""
    import tensorflow as tf

    paths = sorted(folder.glob("*.tfrecord"))[process::processes]
    count = sum(path.stat().st_size for path in paths) // (math.prod(shape) + 16)  # a record has 16 extra bytes
    shards = tf.data.Dataset.from_tensor_slices(list(map(str, paths))).shuffle(len(paths), seed=seed)
    records = shards.interleave(tf.data.TFRecordDataset, cycle_length=4, num_parallel_calls=2, deterministic=True)
    records = records.shuffle(10_000, seed=seed).batch(batch_size, drop_remainder=True)
    batches = records.map(lambda batch: tf.reshape(tf.io.decode_raw(batch, "uint8"), (batch_size, *shape)))
    return batches.apply(tf.data.experimental.assert_cardinality(count // batch_size)).prefetch(2)


def write_shards(source, folder, shape):
    """Writes all images, `PER_SHARD` per shard, in random order."""
    import tensorflow as tf

    unfinished = folder.with_name(f"{folder.name}.part")
    unfinished.mkdir(parents=True, exist_ok=True)
    images = keras_dcgan.datasets.ImageFolder(source, shape, batch_size=1, seed=0)
    for first in range(0, len(images), PER_SHARD):
        with tf.io.TFRecordWriter(str(unfinished / f"{first // PER_SHARD:05d}.tfrecord")) as writer:
            for i in range(first, min(first + PER_SHARD, len(images))):
                writer.write(images[i][0].tobytes())
    unfinished.rename(folder)


def keras_directory(folder, shape, batch_size, seed, process, processes):
    """Keras's loader, which resizes to floats from 0 to 255. Each process decodes all shares."""
    import tensorflow as tf

    *size, channels = shape
    images = keras.utils.image_dataset_from_directory(
        folder,
        labels=None,
        color_mode="rgb" if channels == 3 else "grayscale",
        batch_size=None,
        image_size=size,
        crop_to_aspect_ratio=True,
        seed=seed,
    )
    images = images.shard(processes, process).batch(batch_size, drop_remainder=True)
    return images.map(lambda batch: tf.cast(tf.round(batch), "uint8")).prefetch(2)


def torch_loader(folder, shape, batch_size, seed, process, processes):
    """Worker processes of PyTorch. `fit` sets the epoch of the sampler, which determines the order."""
    import torch
    from PIL import Image, ImageOps

    class Images(torch.utils.data.Dataset):
        def __init__(self):
            self.paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".png", ".jpg", ".jpeg"))

        def __len__(self):
            return len(self.paths)

        def __getitem__(self, i):
            height, width, channels = shape
            with Image.open(self.paths[i]) as file:
                image = ImageOps.fit(file.convert("RGB" if channels == 3 else "L"), (width, height))
            return np.array(image).reshape(shape)

    images = Images()
    sampler = torch.utils.data.DistributedSampler(images, processes, process, seed=seed, drop_last=True)
    workers = 0 if keras.backend.backend() == "jax" else 2  # a process forked from JAX may deadlock
    return torch.utils.data.DataLoader(images, batch_size, sampler=sampler, drop_last=True, num_workers=workers)


SOURCES = {"folder": image_folder, "tfrecord": tfrecord, "keras": keras_directory, "torch": torch_loader}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--with", dest="source", choices=SOURCES, default="folder")
    parser.add_argument("--size", type=int, default=64, help="side of the images")
    parser.add_argument("--gray", action="store_true", help="gray images instead of color")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument(
        "--out", type=pathlib.Path, default=pathlib.Path("out/streaming"), help="folder for the results"
    )
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    shape = (args.size, args.size, 1 if args.gray else 3)
    folder = args.folder
    if args.source == "tfrecord":
        folder = args.out / f"shards_{args.size}_{shape[2]}"
        if not folder.exists():
            write_shards(args.folder, folder, shape)
    batches = SOURCES[args.source](folder, shape, args.batch_size, args.seed, process=0, processes=1)

    gan = keras_dcgan.DCGAN.from_preset("recommended", image_shape=shape, seed=args.seed)
    gan.compile()
    gan.fit(
        batches,
        epochs=args.epochs,
        verbose=2,
        callbacks=[
            keras_dcgan.callbacks.GifSnapshot(args.out / "samples.gif", scale=max(1, 64 // args.size)),
            keras.callbacks.BackupAndRestore(args.out / "backup"),
        ],
    )
    gan.save(args.out / "gan.keras")
    print(f"Animation {args.out / 'samples.gif'}, trained model {args.out / 'gan.keras'}")
