"""A laboratory exercise: a DCGAN on MNIST in seven steps, the smallest complete script.

python examples/mnist_lab.py                     # downloads MNIST by keras.datasets
python examples/mnist_lab.py --data mnist.npz    # the same from a file
"""

import argparse
import pathlib

import keras

import keras_dcgan

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data", default="mnist", help="what keras_dcgan.datasets.load takes")
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("out/mnist_lab"), help="folder for the results")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--dtype-policy", default="float32", help="mixed_bfloat16 is faster where the hardware knows it")
args = parser.parse_args()
keras.config.set_dtype_policy(args.dtype_policy)
args.out.mkdir(parents=True, exist_ok=True)

# 1. Load the 60,000 images and normalise them from 0..255 to [-1, 1], the range of the generator's tanh
images, _ = keras_dcgan.datasets.load(args.data)
normalised = images.astype("float32") / 127.5 - 1

# 2. Shuffle and batch: fit() orders all 60,000 anew in each epoch, and cuts batches of 256
keras.utils.set_random_seed(args.seed)
batch_size = 256

# 3. Plot 25 real samples
keras_dcgan.images.grid(images[:25], scale=2).save(args.out / "real.png")

# 4. Build the generator, which makes an image of 100 random numbers, and the discriminator, which tells real from made
gan = keras_dcgan.DCGAN.from_preset("mnist", image_shape=images.shape[1:], seed=args.seed)
gan.generator.summary()
gan.discriminator.summary()

# 5. Plot 25 samples of the untrained generator: noise
keras_dcgan.images.grid(gan.generate(25, seed=args.seed), scale=2).save(args.out / "untrained.png")

# 6. Train both with Adam
gan.compile(
    g_opt=keras.optimizers.Adam(2e-4, beta_1=0.5),
    d_opt=keras.optimizers.Adam(2e-4, beta_1=0.5),
)
gan.fit(
    normalised,
    batch_size=batch_size,
    epochs=args.epochs,
    callbacks=[
        # 7. Samples on disk at several epochs, always of the same latents
        keras_dcgan.callbacks.GifSnapshot(args.out / "film.gif", frames_dir=args.out / "sheets", every=2),
        keras.callbacks.CSVLogger(args.out / "losses.csv"),
    ],
)
gan.save(args.out / "gan.keras")
print(f"Pictures, film, losses and the trained model: {args.out}")
