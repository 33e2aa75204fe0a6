"""The recipe of Radford, Metz and Chintala (2016), on your own images or a known set.

python examples/radford.py --data FOLDER        # any images: cropped and resized to 64x64
python examples/radford.py --data mnist --preset radford_28
python examples/radford.py --data mnist --preset all_convolutional_28
python examples/radford.py --data cifar10 --preset radford_28 --size 32

Run the same command again after an interruption to resume after the last complete epoch.
"""

import argparse
import pathlib

import keras

import keras_dcgan

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data", required=True, help="folder of images, or another source for keras_dcgan.datasets.load")
parser.add_argument("--preset", default="radford_64", choices=["radford_64", "radford_28", "all_convolutional_28"])
parser.add_argument("--size", type=int, help="side of the images; default: that in the preset's name")
parser.add_argument("--epochs", type=int, default=25)
parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("out/radford"), help="folder for the results")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--width", type=float, default=1.0, help="factor for all filter counts: 0.25 for a CPU")
parser.add_argument("--no-scale-and-center", action="store_true", help="batch normalization without scale and center")
parser.add_argument("--dtype-policy", default="float32", help="mixed_bfloat16 is faster on hardware with bfloat16")
args = parser.parse_args()

keras.config.set_dtype_policy(args.dtype_policy)

# 1. Images, uint8 (n, 64, 64, 3), gray ones with one channel. Transparent pixels become white
size = args.size or int(args.preset.rpartition("_")[2])
images, _ = keras_dcgan.datasets.load(args.data, image_size=(size, size))
print(f"{len(images)} images")

# 2. Strided convolutions, batch normalization, weights from N(0, 0.02), latent vectors from U(-1, 1)
options = {"image_shape": images.shape[1:], "width": args.width, "seed": args.seed}
if args.preset != "all_convolutional_28":  # which never has scale and center
    options["batch_norm_affine"] = not args.no_scale_and_center
gan = keras_dcgan.DCGAN.from_preset(args.preset, **options)
gan.compile()

# 3. Training
args.out.mkdir(parents=True, exist_ok=True)
backup = args.out / "backup"
scale = max(1, 64 // size)  # enlarges small images
gan.fit(
    images,
    epochs=args.epochs,
    verbose=2,
    callbacks=[
        keras_dcgan.callbacks.GifSnapshot(
            args.out / "samples.gif", num_images=16, every=max(1, args.epochs // 25), scale=scale
        ),
        keras.callbacks.CSVLogger(args.out / "losses.csv", append=backup.exists()),
        keras.callbacks.BackupAndRestore(backup),
    ],
)
gan.save(args.out / "gan.keras")

# 4. New samples
keras_dcgan.images.grid(gan.generate(100, seed=args.seed), scale=scale).save(args.out / "samples.png")
print(
    f"Samples {args.out / 'samples.png'}, animation {args.out / 'samples.gif'}, trained model {args.out / 'gan.keras'}"
)
