"""One training on all GPUs of a machine, or on several machines.

python examples/many_devices.py                                      # TensorFlow or JAX: all devices of this machine
python examples/many_devices.py --address HOST:PORT --processes 2 --process 0      # JAX or PyTorch: on the first
python examples/many_devices.py --address HOST:PORT --processes 2 --process 1      # machine, and on the second

HOST:PORT is a free port of the first machine. The backend is chosen by the environment variable KERAS_BACKEND. On
PyTorch each process has one GPU; on JAX all of its machine. All processes must see the folder of the results.
"""

import argparse
import contextlib
import pathlib

import keras

import keras_dcgan

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--address", help="of several processes: host and port of the first")
parser.add_argument("--processes", type=int, default=1, help="how many there are")
parser.add_argument("--process", type=int, default=0, help="number of this one")
parser.add_argument("--data", default="fashion_mnist_10k", help="what keras_dcgan.datasets.load takes")
parser.add_argument("--batch-size", type=int, default=256, help="images of a step, on all devices together")
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("out/many_devices"), help="folder for the results")
args = parser.parse_args()

# 1. The devices, before there is a model
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

# 2. The images: as many in every process, in whole batches
images, _ = keras_dcgan.datasets.load(args.data)
images = images[: len(images) // args.batch_size * args.batch_size]
images = images[args.process :: args.processes]

# 3. The model, as on one device; statistics of the whole batch. On PyTorch those are of each process's own part
with scope:
    gan = keras_dcgan.DCGAN.from_preset(
        "recommended", image_shape=images.shape[1:], batch_norm_synchronized=backend == "tensorflow", seed=0
    )
    gan.compile()

# 4. Every process has the same callbacks; the first alone writes and tells
gan.fit(
    images,
    batch_size=args.batch_size // args.processes,
    epochs=args.epochs,
    callbacks=[
        keras_dcgan.callbacks.GifSnapshot(args.out / "film.gif"),
        keras.callbacks.BackupAndRestore(args.out / "backup"),
    ],
)
gan.save(args.out / "gan.keras")
