"""TensorFlow's DCGAN tutorial with `fit()`: 50 epochs of MNIST, an animation, checkpoints, and resuming.

python examples/mnist.py                     # downloads MNIST
python examples/mnist.py --data mnist.npz    # from a file

Run the same command again to resume from the last checkpoint.
"""

import argparse
import pathlib

import keras

import keras_dcgan

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data", default="mnist", help="source for keras_dcgan.datasets.load")
parser.add_argument("--epochs", type=int, default=50)
parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("out/mnist"), help="folder for the results")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--dtype-policy", default="float32", help="mixed_bfloat16 is faster on hardware with bfloat16")
args = parser.parse_args()

keras.config.set_dtype_policy(args.dtype_policy)

# 1. Digits, uint8 (60000, 28, 28, 1). The training step rescales them to [-1, 1]
images, _ = keras_dcgan.datasets.load(args.data)

# 2. A new model, or the last checkpoint: networks, optimizers and random states
checkpoints = sorted(args.out.glob("gan-*.keras"))
if checkpoints:
    gan = keras.saving.load_model(checkpoints[-1])
    epochs_done = int(checkpoints[-1].stem.removeprefix("gan-"))
else:
    gan = keras_dcgan.DCGAN.from_preset("mnist", image_shape=images.shape[1:], seed=args.seed)
    gan.compile()
    epochs_done = 0

# 3. Training: a frame per epoch, a checkpoint every 15 epochs, the losses as a table
steps = -(-len(images) // gan.recipe.batch_size)
args.out.mkdir(parents=True, exist_ok=True)
gan.fit(
    images,
    initial_epoch=epochs_done,
    epochs=args.epochs,
    verbose=2,
    callbacks=[
        keras_dcgan.callbacks.GifSnapshot(args.out / "samples.gif", num_images=16, frames_dir=args.out / "sheets"),
        keras.callbacks.ModelCheckpoint(args.out / "gan-{epoch:03d}.keras", save_freq=15 * steps),
        keras.callbacks.CSVLogger(args.out / "losses.csv", append=epochs_done > 0),
    ],
)
gan.save(args.out / f"gan-{args.epochs:03d}.keras")

# 4. New samples
sheet = keras_dcgan.images.grid(gan.generate(100, seed=args.seed), scale=2)
sheet.save(args.out / "samples.png")
print(f"Samples {args.out / 'samples.png'}, animation {args.out / 'samples.gif'}, checkpoints {args.out}")
