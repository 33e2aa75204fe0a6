"""A conditional DCGAN on Fashion-MNIST with the label as an additional feature map. Published with 100 epochs.

python examples/fashion_mnist_conditional.py                   # downloads Fashion-MNIST
python examples/fashion_mnist_conditional.py --data mnist      # the same system on digits, or on a .npz file

The discriminator was published with a tanh before a loss on logits; here it returns the logit.
Run the same command again after an interruption to resume after the last complete epoch.
"""

import argparse
import pathlib

import keras

import keras_dcgan

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data", default="fashion_mnist", help="source for keras_dcgan.datasets.load")
parser.add_argument("--epochs", type=int, default=100)
parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("out/conditional"), help="folder for the results")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--dtype-policy", default="float32", help="mixed_bfloat16 is faster on hardware with bfloat16")
args = parser.parse_args()

keras.config.set_dtype_policy(args.dtype_policy)

# 1. Images, uint8 (60000, 28, 28, 1), and labels 0 to 9
images, labels = keras_dcgan.datasets.load(args.data)

# 2. Both networks get the class
gan = keras_dcgan.ConditionalDCGAN.from_preset(
    "fashion_mnist_conditional",
    image_shape=images.shape[1:],
    num_classes=int(labels.max()) + 1,
    seed=args.seed,
)
gan.compile()

# 3. Training, with ten samples per class in the animation, one class per column
args.out.mkdir(parents=True, exist_ok=True)
backup = args.out / "backup"
num_images = 10 * gan.num_classes
gan.fit(
    images,
    labels,
    epochs=args.epochs,
    verbose=2,
    callbacks=[
        keras_dcgan.callbacks.GifSnapshot(args.out / "samples.gif", num_images=num_images, scale=1),
        keras.callbacks.CSVLogger(args.out / "losses.csv", append=backup.exists()),
        keras.callbacks.BackupAndRestore(backup),
    ],
)
gan.save(args.out / "gan.keras")

# 4. New samples, one class per column: generate() takes each class in turn
sheet = keras_dcgan.images.grid(gan.generate(num_images, seed=args.seed), gan.num_classes, scale=2)
sheet.save(args.out / "samples.png")
print(
    f"Samples {args.out / 'samples.png'}, animation {args.out / 'samples.gif'}, trained model {args.out / 'gan.keras'}"
)
