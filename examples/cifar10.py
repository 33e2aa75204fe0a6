"""A DCGAN in color: TensorFlow's tutorial networks on CIFAR-10, 49 fixed latent vectors. Published with 100 epochs.

python examples/cifar10.py                       # downloads CIFAR-10
python examples/cifar10.py --data cifar10.npz    # from a file, or a folder of images

Run the same command again after an interruption to resume after the last complete epoch.
"""

import argparse
import pathlib

import keras

import keras_dcgan

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data", default="cifar10", help="source for keras_dcgan.datasets.load")
parser.add_argument("--epochs", type=int, default=100)
parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("out/cifar10"), help="folder for the results")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--dtype-policy", default="float32", help="mixed_bfloat16 is faster on hardware with bfloat16")
args = parser.parse_args()

keras.config.set_dtype_policy(args.dtype_policy)

# 1. Photographs, uint8 (50000, 32, 32, 3)
images, _ = keras_dcgan.datasets.load(args.data)

# 2. The tutorial's networks with three channels
gan = keras_dcgan.DCGAN.from_preset("cifar10", image_shape=images.shape[1:], seed=args.seed)
gan.compile()

# 3. Training. BackupAndRestore saves every epoch and resumes an interrupted run
args.out.mkdir(parents=True, exist_ok=True)
backup = args.out / "backup"
gan.fit(
    images,
    epochs=args.epochs,
    verbose=2,
    callbacks=[
        keras_dcgan.callbacks.GifSnapshot(args.out / "samples.gif", num_images=49, scale=1),
        keras.callbacks.CSVLogger(args.out / "losses.csv", append=backup.exists()),
        keras.callbacks.BackupAndRestore(backup),
    ],
)
gan.save(args.out / "gan.keras")

# 4. New samples
sheet = keras_dcgan.images.grid(gan.generate(100, seed=args.seed), scale=2)
sheet.save(args.out / "samples.png")
print(
    f"Samples {args.out / 'samples.png'}, animation {args.out / 'samples.gif'}, trained model {args.out / 'gan.keras'}"
)
