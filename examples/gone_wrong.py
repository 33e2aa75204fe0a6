"""Trains one healthy and four failing GANs, and shows their samples and logs.

python examples/gone_wrong.py                       # the 10,000 embedded images
python examples/gone_wrong.py --only well collapse

All have the same networks, images, initial weights and number of steps; each failing one has one wrong setting.
"""

import argparse
import pathlib

import keras

import keras_dcgan

# name: learning rates of the generator and the discriminator, kernel size
RUNS = {
    "well": (1e-3, 1e-3, 4),
    "collapse": (2e-3, 1e-5, 4),  # the generator learns far faster than the discriminator
    "discriminator_wins": (2e-5, 2e-3, 4),  # the opposite
    "noise": (3e-6, 3e-6, 4),  # both too slow for this number of steps
    "checkerboard": (1e-3, 1e-3, 3),  # stride 2 does not divide the kernel size
}

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data", default="fashion_mnist_10k", help="source for keras_dcgan.datasets.load")
parser.add_argument("--only", nargs="+", choices=RUNS, default=list(RUNS), help="run these only")
parser.add_argument("--epochs", type=int, default=5)
parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("out/gone_wrong"), help="folder for the results")
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
args.out.mkdir(parents=True, exist_ok=True)

images, _ = keras_dcgan.datasets.load(args.data)
logs = {}
for name in args.only:
    g_rate, d_rate, kernel_size = RUNS[name]
    keras.utils.set_random_seed(args.seed)  # the same order of images for each
    gan = keras_dcgan.DCGAN.from_preset(
        "radford_28", image_shape=images.shape[1:], kernel_size=kernel_size, width=0.25, seed=args.seed
    )
    gan.compile(keras.optimizers.Adam(g_rate, beta_1=0.5), keras.optimizers.Adam(d_rate, beta_1=0.5))
    logs[name] = gan.fit(images, batch_size=64, epochs=args.epochs, verbose=2).history
    keras_dcgan.images.grid(gan.generate(24, seed=args.seed), 8, scale=3).save(args.out / f"{name}.png")

print("\n| last epoch | d_loss | g_loss | real_accuracy | fake_accuracy |\n|---|---:|---:|---:|---:|")
for name, history in logs.items():
    figures = (f"{history[key][-1]:.2f}" for key in ("d_loss", "g_loss", "real_accuracy", "fake_accuracy"))
    print(f"| {name} | {' | '.join(figures)} |")
print(f"\nSamples of each in {args.out}")
