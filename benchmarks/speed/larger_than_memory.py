"""Training on more images than fit in memory, and the cost of reading them.

python benchmarks/speed/larger_than_memory.py memory --megabytes 3000 --limit 2000
python benchmarks/speed/larger_than_memory.py sources
python benchmarks/speed/larger_than_memory.py reading

`memory` writes TFRecord shards of 64x64 noise and trains a small model on them in a process with limited memory
(RLIMIT_DATA). `sources` trains the `cifar10` networks on the same images from memory, from files and from shards, and
measures reading alone and an epoch of `fit`. All sources are those of examples/streaming.py. `reading` counts the
images per second that `ImageFolder` reads at 64x64 from files of several sizes, in threads, in processes and from its
cache.
"""

import argparse
import concurrent.futures
import importlib.util
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "examples"))
SHAPE = (64, 64, 3)

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("part", choices=["memory", "sources", "reading"])
parser.add_argument("--megabytes", type=int, default=3000, help="of memory: of images")
parser.add_argument("--limit", type=int, default=2000, help="of memory: megabytes that the training may use")
parser.add_argument(
    "--batches", type=int, default=20, help="of sources: batches of 256 per epoch; of reading: batches of 32"
)
parser.add_argument("--width", type=float, default=1.0, help="of sources: factor for all filter counts")
parser.add_argument("--shards", type=pathlib.Path, help=argparse.SUPPRESS)
args = parser.parse_args()


def memory_in_use():
    """Megabytes now and at the peak."""
    status = pathlib.Path("/proc/self/status").read_text()
    return [int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) / 1024 for name in ("VmRSS", "VmHWM")]


def write_noise(folder, images, per_shard=4096):
    import tensorflow as tf

    rng = np.random.default_rng(0)
    for first in range(0, images, per_shard):
        with tf.io.TFRecordWriter(str(folder / f"{first // per_shard:05d}.tfrecord")) as writer:
            for _ in range(min(per_shard, images - first)):
                writer.write(rng.bytes(np.prod(SHAPE)))


def train_within_limit(shards):
    """Trains one epoch in a process of its own, and prints its memory ten times."""
    resource.setrlimit(resource.RLIMIT_DATA, (args.limit << 20, args.limit << 20))
    import keras
    import streaming

    import keras_dcgan

    steps = (args.megabytes << 20) // np.prod(SHAPE) // 256
    gan = keras_dcgan.DCGAN.from_preset("recommended", image_shape=SHAPE, width=1 / 8, seed=0)
    gan.compile()
    start = time.perf_counter()

    def report(batch, logs):
        if (batch + 1) % max(1, steps // 10) == 0:
            now, most = memory_in_use()
            seen = (batch + 1) * 256
            speed = seen / (time.perf_counter() - start)
            print(
                f"| {seen:,} | {seen * np.prod(SHAPE) / 1e6:,.0f} | {now:.0f} | {most:.0f} | {speed:.0f} |", flush=True
            )

    print("| images | MB read | MB in use | MB at most | images per second |\n|---:|---:|---:|---:|---:|")
    batches = streaming.tfrecord(shards, SHAPE, 256, seed=0, process=0, processes=1)
    gan.fit(batches, verbose=0, callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=report)])


def memory():
    with tempfile.TemporaryDirectory() as folder:
        write_noise(pathlib.Path(folder), (args.megabytes << 20) // int(np.prod(SHAPE)))
        print(f"{args.megabytes} MB of images, of memory {args.limit} MB\n")
        sys.exit(subprocess.run([sys.executable, __file__, *sys.argv[1:], "--shards", folder]).returncode)


def sources():
    import streaming

    import keras_dcgan

    shape, n = (32, 32, 3), 256 * args.batches
    images = np.random.default_rng(0).integers(0, 256, (n, 8, 8, 3), "uint8").repeat(4, axis=1).repeat(4, axis=2)
    gan = keras_dcgan.DCGAN.from_preset("cifar10", width=args.width, seed=0)
    gan.compile()

    def seconds(data):
        start = time.perf_counter()
        gan.fit(data, batch_size=256, verbose=0)
        return time.perf_counter() - start

    with tempfile.TemporaryDirectory() as folder:
        files, shards = pathlib.Path(folder, "files"), pathlib.Path(folder, "shards")
        files.mkdir()
        for i, image in enumerate(images):
            Image.fromarray(image).save(files / f"{i:06d}.png")
        streaming.write_shards(files, shards, shape)
        gan.fit(images[:256], verbose=0)
        before = seconds(images)
        rows = []
        for name, source in streaming.SOURCES.items():
            if name == "torch" and importlib.util.find_spec("torch") is None:
                continue
            data = source(shards if name == "tfrecord" else files, shape, 256, seed=0, process=0, processes=1)
            start = time.perf_counter()
            count = sum(1 for _ in (map(data.__getitem__, range(len(data))) if name == "folder" else data))
            rows.append((name, (time.perf_counter() - start) / count, seconds(data) / args.batches))
        step = (before + seconds(images)) / 2 / args.batches
    print("| source | ms a batch, alone | of a step | ms a step of fit with it | more than from memory |")
    print("|---|---:|---:|---:|---:|")
    print(f"| memory | | | {1000 * step:.0f} | |")
    for name, alone, whole in rows:
        print(f"| {name} | {1000 * alone:.1f} | {alone / step:.1%} | {1000 * whole:.0f} | {whole / step - 1:+.1%} |")


def reading():
    import keras_dcgan

    def images_per_second(data, pool=None):
        start = time.perf_counter()
        batches = (map if pool is None else pool.map)(data.__getitem__, range(len(data)))
        return sum(len(batch) for (batch,) in batches) / (time.perf_counter() - start)

    print("| files | one thread | two threads | two processes | first epoch with cache | second |")
    print("|---|---:|---:|---:|---:|---:|")
    rng = np.random.default_rng(0)
    for width, height, ending in ((64, 64, "png"), (320, 240, "jpg"), (4000, 3000, "jpg")):
        count = 32 * (args.batches if width < 1000 else -(-args.batches // 10))
        noise = Image.fromarray(rng.integers(0, 256, (12, 16, 3), "uint8"))
        with tempfile.TemporaryDirectory() as folder:
            files, cache = pathlib.Path(folder, "files"), pathlib.Path(folder, "cache")
            files.mkdir()
            noise.resize((width, height), Image.Resampling.BICUBIC).save(files / f"0.{ending}")
            for i in range(1, count):
                shutil.copy(files / f"0.{ending}", files / f"{i}.{ending}")
            data = keras_dcgan.datasets.ImageFolder(files, SHAPE, 32)
            speeds = [images_per_second(data)]
            for executor in (concurrent.futures.ThreadPoolExecutor, concurrent.futures.ProcessPoolExecutor):
                with executor(2) as pool:
                    [*pool.map(abs, range(100))]  # starts the workers
                    speeds.append(images_per_second(data, pool))
            data = keras_dcgan.datasets.ImageFolder(files, SHAPE, 32, cache=cache)
            speeds += [images_per_second(data), images_per_second(data)]
        print(f"| {ending.upper()}, {width}×{height} | " + " | ".join(f"{speed:,.0f}" for speed in speeds) + " |")


if args.shards is not None:
    train_within_limit(args.shards)
else:
    {"memory": memory, "sources": sources, "reading": reading}[args.part]()
