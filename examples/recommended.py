"""Trains the recommended networks for long, on a known set or your own images.

python examples/recommended.py --data mnist --conditional
python examples/recommended.py --data cifar10 --preset recommended_cifar10  # the weights in the package
python examples/recommended.py --data FOLDER --size 64 --augment  # a few thousand pictures
python examples/recommended.py --data FOLDER --size 64 --augment --conditional  # a folder per class

Run the same command again after an interruption to resume after the last complete epoch.
"""

import argparse
import dataclasses
import functools
import pathlib

import keras

import keras_dcgan

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data", required=True, help="folder of images, or another source for keras_dcgan.datasets.load")
parser.add_argument("--size", type=int, help="side of the images, for folders")
parser.add_argument("--images", type=int, help="train on the first images only")
parser.add_argument("--conditional", action="store_true", help="train a ConditionalDCGAN")
parser.add_argument("--preset", help="default: recommended or recommended_conditional")
parser.add_argument("--augment", action="store_true", help="augment real and generated images: for small sets")
parser.add_argument(
    "--batch-norm",
    action=argparse.BooleanOptionalAction,
    help="batch normalization in the discriminator (default: below 64x64)",
)
parser.add_argument("--batch-size", type=int, help="default: the preset's")
parser.add_argument("--epochs", type=int, help="default: the recipe's, or 20")
parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("out/recommended"), help="folder for the results")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--filters", type=int, help="of both networks; default: the preset's")
parser.add_argument("--dtype-policy", default="float32", help="mixed_bfloat16 is faster on hardware with bfloat16")
parser.add_argument("--steps-per-execution", type=int, default=1, help="16 is faster with JAX on a GPU")
args = parser.parse_args()

keras.config.set_dtype_policy(args.dtype_policy)

# 1. Images, uint8 (n, height, width, channels), and labels. Transparent pixels become white
size = None if args.size is None else (args.size, args.size)
images, labels = keras_dcgan.datasets.load(args.data, image_size=size)
preset = keras_dcgan.presets.get(args.preset or ("recommended_conditional" if args.conditional else "recommended"))
if preset.conditional and labels is None:
    parser.error("--conditional needs labels: put the images into one folder per class")
images, labels = (None if part is None else part[: args.images] for part in (images, labels))
print(f"{len(images)} images")

# 2. The preset's networks, with an EMA of the generator
options = {"image_shape": images.shape[1:], "seed": args.seed}
if args.batch_norm is not None:
    discriminator = functools.partial(preset.discriminator, batch_norm=args.batch_norm)
    preset = dataclasses.replace(preset, discriminator=discriminator)
if args.filters is not None:
    options["filters"] = args.filters
if args.augment:
    options["augmentation"] = keras_dcgan.augmentation.DiffAugment(seed=args.seed)
if preset.conditional:
    options["num_classes"] = int(labels.max()) + 1
    gan = keras_dcgan.ConditionalDCGAN.from_preset(preset, **options)
    data = (images, labels)
else:
    gan = keras_dcgan.DCGAN.from_preset(preset, **options)
    data = (images,)

# 3. The preset's recipe, with learning rates that decay linearly toward 0
gan.recipe = dataclasses.replace(gan.recipe, decay=1.0)
epochs = args.epochs or gan.recipe.epochs or 20
gan.compile(steps_per_execution=args.steps_per_execution)

# 4. Training. BackupAndRestore saves every epoch and resumes an interrupted run
args.out.mkdir(parents=True, exist_ok=True)
backup = args.out / "backup"
columns = gan.num_classes if preset.conditional else 5
scale = max(1, 64 // images.shape[1])  # enlarges small images
animation = keras_dcgan.callbacks.GifSnapshot(
    args.out / "samples.gif", num_images=5 * columns, every=max(1, epochs // 25), scale=scale
)
gan.fit(
    *data,
    batch_size=args.batch_size,
    epochs=epochs,
    verbose=2,
    callbacks=[
        animation,
        keras.callbacks.CSVLogger(args.out / "losses.csv", append=backup.exists()),
        keras.callbacks.BackupAndRestore(backup),
    ],
)
gan.save(args.out / "gan.keras")

# 5. New samples, of a conditional model one class per column
columns = gan.num_classes if preset.conditional else 10
keras_dcgan.images.grid(gan.generate(10 * columns, seed=args.seed), columns, scale=scale).save(args.out / "samples.png")
print(f"Samples, animation and trained model: {args.out}")
