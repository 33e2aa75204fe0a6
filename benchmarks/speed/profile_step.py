"""Profiles a training step on the current backend, by operation and relative to matrix products.

KERAS_BACKEND=tensorflow python benchmarks/speed/profile_step.py mnist radford_28

For each network: images per second; operations per second of its dense and convolutional layers, and their share of the
rate of a large matrix product on this machine; and the profiler's times, longest first. Operations may run in parallel,
so shares refer to the sum of their times.
"""

import argparse
import collections
import contextlib
import pathlib
import re
import tempfile
import time

import keras
from contender import NETWORKS, SMALL, setting_of
from flops import step_flops

BACKEND = keras.backend.backend()
PROFILED = 3  # steps

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("networks", nargs="*", default=SMALL, metavar="NETWORK", help=", ".join(NETWORKS))
parser.add_argument("--steps", type=int, help="steps per epoch; default: about twenty seconds on two cores")
parser.add_argument("--lines", type=int, default=8, help="operations to print")
parser.add_argument("--dtype-policy", default="float32", help="float32 or mixed_bfloat16")
args = parser.parse_args()


def matrix_product_rate(n=4096, repeats=3):
    """Operations per second of a square matrix product, the best of several.

    Enough products run in a row to take some tenths of a second, so that launching them does not count.
    """
    a = keras.random.normal((n, n), dtype=keras.config.dtype_policy().compute_dtype)

    def seconds(count):
        start = time.perf_counter()
        for _ in range(count):
            product = keras.ops.matmul(a, a)
        keras.ops.convert_to_numpy(product[0, 0])
        return time.perf_counter() - start

    count = 1
    while seconds(count) < 0.3 or count == 1:  # the first time does not count
        count *= 2
    return 2 * n**3 * count / min(seconds(count) for _ in range(repeats))


@contextlib.contextmanager
def profiled():
    """Yields a Counter that holds the seconds per kind of operation after the body."""
    times = collections.Counter()
    if BACKEND == "torch":
        import torch

        with torch.profiler.profile() as profile:
            yield times
        for event in profile.key_averages():
            if event.key.startswith("aten::"):
                times[event.key] += (event.self_cpu_time_total + event.self_device_time_total) / 1e6
        return
    with tempfile.TemporaryDirectory() as folder:
        if BACKEND == "tensorflow":
            import tensorflow as tf

            with tf.profiler.experimental.Profile(folder):
                yield times
        else:
            import jax

            with jax.profiler.trace(folder):
                yield times
        (file,) = pathlib.Path(folder).rglob("*.xplane.pb")
        for line, event, seconds in events(file):
            times[operation(line, event)] += seconds
    del times[None]


def events(file):
    """`(line, event, seconds)` of all events in a profiler's file."""
    if BACKEND == "tensorflow":
        from tensorflow.tsl.profiler.protobuf import xplane_pb2

        for plane in xplane_pb2.XSpace.FromString(file.read_bytes()).planes:
            for line in plane.lines:
                for event in line.events:
                    yield line.name, plane.event_metadata[event.metadata_id].name, event.duration_ps / 1e12
    else:
        from jax.profiler import ProfileData

        for plane in ProfileData.from_file(str(file)).planes:
            for line in plane.lines:
                for event in line.events:
                    yield line.name, event.name, event.duration_ns / 1e9


def operation(line, event):
    """The kind of operation of a profiler's event, or None."""
    if BACKEND == "tensorflow":
        thread, name = r"tf_Compute", r".*\w:(_?[A-Z]\w+)"  # name:Kind
    else:
        thread, name = r"tf_XLA|.*[sS]tream", r"(?!while|call|conditional)([a-z][\w-]*?)([._]\d+)*"  # kind.number
        event = re.sub(r"sm\d+_xmma_(\w+?)_.*", r"\1", event)  # kernels of cuDNN, and of cuBLAS ("gemm")
    match = re.match(thread, line) and re.fullmatch(name, event)
    return match[1] if match else None


class Stopwatch(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds = time.perf_counter() - self.start


keras.config.set_dtype_policy(args.dtype_policy)
peak = matrix_product_rate()
print(f"{BACKEND}, {args.dtype_policy}: {peak / 1e9:.0f} GFLOP/s in matrix products")
for name in args.networks:
    setting = setting_of(name, args.steps)
    gan, images = setting.model_and_images()
    gan.compile()
    watch = Stopwatch()
    gan.fit(images, batch_size=setting.batch_size, epochs=2, verbose=0, callbacks=[watch])  # the first compiles
    speed = len(images) / watch.seconds
    rate = speed * step_flops(gan)
    print(
        f"\n{name}: {speed:.0f} images/s, {step_flops(gan) / 1e6:.1f} MFLOP an image, {rate / 1e9:.0f} GFLOP/s, "
        f"{rate / peak:.0%} of matrix products"
    )
    with profiled() as times:
        gan.fit(images[: PROFILED * setting.batch_size], batch_size=setting.batch_size, verbose=0)
    total = sum(times.values())
    print("\n| operation | share |\n|---|---:|")
    for kind, seconds in times.most_common(args.lines):
        print(f"| {kind} | {seconds / total:.1%} |")
