"""A course exercise: a DCGAN on MNIST in seven steps, the smallest complete script.

python examples/mnist_lab.py                     # downloads MNIST
python examples/mnist_lab.py --data mnist.npz    # from a file
"""

import argparse
import pathlib

import keras

import keras_dcgan

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data", default="mnist", help="source for keras_dcgan.datasets.load")
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("out/mnist_lab"), help="folder for the results")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--dtype-policy", default="float32", help="mixed_bfloat16 is faster on hardware with bfloat16")
args = parser.parse_args()
keras.config.set_dtype_policy(args.dtype_policy)
args.out.mkdir(parents=True, exist_ok=True)

# 1. Load the 60,000 images and rescale them from 0..255 to [-1, 1], the range of the generator's tanh
images, _ = keras_dcgan.datasets.load(args.data)
rescaled = images.astype("float32") / 127.5 - 1

# 2. Shuffle and batch: fit() shuffles all 60,000 in each epoch and cuts batches of 256
keras.utils.set_random_seed(args.seed)
batch_size = 256

# 3. Plot 25 real samples
keras_dcgan.images.grid(images[:25], scale=2).save(args.out / "real.png")

# 4. Build the generator, from 100 random numbers to an image, and the discriminator, which tells real from generated
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
    rescaled,
    batch_size=batch_size,
    epochs=args.epochs,
    callbacks=[
        # 7. Save samples of several epochs, from the same latent vectors
        keras_dcgan.callbacks.GifSnapshot(args.out / "samples.gif", frames_dir=args.out / "sheets", every=2),
        keras.callbacks.CSVLogger(args.out / "losses.csv"),
    ],
)
gan.save(args.out / "gan.keras")
print(f"Pictures, animation, losses and the trained model: {args.out}")
