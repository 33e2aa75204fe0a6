"""Train a DCGAN in under four minutes on two CPU cores, on the embedded images.

python examples/quickstart.py                  # Fashion-MNIST, 10,000 images
python examples/quickstart.py --conditional    # with classes, one per column
python examples/quickstart.py --data FOLDER    # your own small images, an .npz file, or "mnist"
"""

import argparse
import pathlib

import keras

import keras_dcgan

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data", default="fashion_mnist_10k", help="source for keras_dcgan.datasets.load")
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("out/quickstart"), help="folder for the results")
parser.add_argument("--conditional", action="store_true", help="train a ConditionalDCGAN")
args = parser.parse_args()

# 1. Images: uint8 (n, height, width, channels); labels: integers
images, labels = keras_dcgan.datasets.load(args.data)

# 2. Model
if args.conditional:
    if labels is None:
        parser.error("--conditional needs images with labels: put them into one folder per class")
    gan = keras_dcgan.ConditionalDCGAN.from_preset(
        "recommended_conditional", image_shape=images.shape[1:], num_classes=int(labels.max()) + 1, seed=0
    )
    data = (images, labels)
else:
    gan = keras_dcgan.DCGAN.from_preset("recommended", image_shape=images.shape[1:], seed=0)
    data = (images,)
gan.compile()  # the preset's training recipe

# 3. Training, with an animation and a file to resume from
args.out.mkdir(parents=True, exist_ok=True)
gan.fit(
    *data,
    epochs=args.epochs,
    callbacks=[
        keras_dcgan.callbacks.GifSnapshot(args.out / "samples.gif", num_images=50 if args.conditional else 25),
        keras.callbacks.ModelCheckpoint(args.out / "gan.keras"),
    ],
)

# 4. Samples: conditional ones in columns, class 0 first
columns = gan.num_classes if args.conditional else 10
sheet = keras_dcgan.images.grid(gan.generate(10 * columns, seed=1), columns, scale=2)
sheet.save(args.out / "samples.png")

print(f"Samples         {args.out / 'samples.png'}")
print(f"Animation       {args.out / 'samples.gif'}")
print(f"Trained model   {args.out / 'gan.keras'}  (keras.saving.load_model)")
