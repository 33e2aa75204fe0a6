"""Trains one model on all GPUs of a machine, or on several machines.

python examples/many_devices.py                                      # TensorFlow or JAX: all devices of this machine
python examples/many_devices.py --address HOST:PORT --processes 2 --process 0      # JAX or PyTorch: on the first
python examples/many_devices.py --address HOST:PORT --processes 2 --process 1      # machine, and on the second

HOST:PORT is a free port of the first machine. KERAS_BACKEND selects the backend. On PyTorch, each process uses one GPU,
on JAX all GPUs of its machine. All processes must see the folder of the results.
"""

import argparse
import contextlib
import pathlib

import keras

import keras_dcgan

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--address", help="host and port of the first of several processes")
parser.add_argument("--processes", type=int, default=1, help="number of processes")
parser.add_argument("--process", type=int, default=0, help="index of this process")
parser.add_argument("--data", default="fashion_mnist_10k", help="source for keras_dcgan.datasets.load")
parser.add_argument("--batch-size", type=int, default=256, help="images per step on all devices together")
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("out/many_devices"), help="folder for the results")
args = parser.parse_args()

# 1. The devices, before the model is built
backend = keras.backend.backend()
scope = contextlib.nullcontext()
if backend == "tensorflow":
    import tensorflow as tf

    if args.processes > 1:
        parser.error("with TensorFlow Keras trains on one machine: set KERAS_BACKEND=jax")
    scope = tf.distribute.MirroredStrategy().scope()
elif backend == "jax":
    if args.processes > 1:
        keras.distribution.initialize(args.address, args.processes, args.process)
    keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))
elif args.processes > 1:
    import torch

    gpus = torch.cuda.device_count()
    if gpus:
        torch.cuda.set_device(args.process % gpus)
    torch.distributed.init_process_group(
        "nccl" if gpus else "gloo", f"tcp://{args.address}", rank=args.process, world_size=args.processes
    )

# 2. The images: the same number in every process, in complete batches
images, _ = keras_dcgan.datasets.load(args.data)
images = images[: len(images) // args.batch_size * args.batch_size]
images = images[args.process :: args.processes]

# 3. The model, as on one device, with batch statistics of the whole batch; on PyTorch, of each process's part
with scope:
    gan = keras_dcgan.DCGAN.from_preset(
        "recommended", image_shape=images.shape[1:], batch_norm_synchronized=backend == "tensorflow", seed=0
    )
    gan.compile()

# 4. The same callbacks in every process; only the first one writes and prints
gan.fit(
    images,
    batch_size=args.batch_size // args.processes,
    epochs=args.epochs,
    callbacks=[
        keras_dcgan.callbacks.GifSnapshot(args.out / "samples.gif"),
        keras.callbacks.BackupAndRestore(args.out / "backup"),
    ],
)
gan.save(args.out / "gan.keras")
