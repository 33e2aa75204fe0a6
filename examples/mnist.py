"""TensorFlow's DCGAN tutorial through `fit()`: 50 epochs of MNIST, a film, checkpoints, and going on from the last.

python examples/mnist.py                     # downloads MNIST by keras.datasets
python examples/mnist.py --data mnist.npz    # the same from a file

Stopped or killed, the same command goes on from the last checkpoint in the folder of the results.
"""

import argparse
import pathlib

import keras

import keras_dcgan

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data", default="mnist", help="what keras_dcgan.datasets.load takes")
parser.add_argument("--epochs", type=int, default=50)
parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("out/mnist"), help="folder for the results")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--dtype-policy", default="float32", help="mixed_bfloat16 is faster where the hardware knows it")
args = parser.parse_args()

keras.config.set_dtype_policy(args.dtype_policy)
keras.utils.set_random_seed(args.seed)  # for JAX and PyTorch to shuffle by; the model has its own

# 1. Digits, uint8 (60000, 28, 28, 1). The training step brings them to [-1, 1]
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

# 3. Training: a frame an epoch, a checkpoint every 15, the losses as a table. Each epoch's line tells its time
steps = -(-len(images) // gan.recipe.batch_size)
args.out.mkdir(parents=True, exist_ok=True)
gan.fit(
    images,
    initial_epoch=epochs_done,
    epochs=args.epochs,
    verbose=2,
    callbacks=[
        keras_dcgan.callbacks.GifSnapshot(args.out / "film.gif", num_images=16, frames_dir=args.out / "sheets"),
        keras.callbacks.ModelCheckpoint(args.out / "gan-{epoch:03d}.keras", save_freq=15 * steps),
        keras.callbacks.CSVLogger(args.out / "losses.csv", append=epochs_done > 0),
    ],
)
gan.save(args.out / f"gan-{args.epochs:03d}.keras")

# 4. New samples
sheet = keras_dcgan.images.grid(gan.generate(100, seed=args.seed), scale=2)
sheet.save(args.out / "samples.png")
print(f"Samples {args.out / 'samples.png'}, film {args.out / 'film.gif'}, checkpoints {args.out}")
