"""Explores the latent space of a trained generator: interpolation, walks, truncation, arithmetic, inversion.

python examples/latent_space.py out/radford/gan.keras
python examples/latent_space.py out/radford/gan.keras --data mnist                 # also inverts test images
python examples/latent_space.py out/radford/gan.keras --analogy 92 26 85 4 24 88 30 59 93

--analogy takes three samples each for a - b + c by their numbers on the sheet, counted from 0 row by row: the second
row starts with 10. Without it they are chosen by their brightness.
"""

import argparse
import pathlib

import keras
import numpy as np

import keras_dcgan
from keras_dcgan import images, latents

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("model", help="file of a trained DCGAN")
parser.add_argument("--data", help="source for keras_dcgan.datasets.load: inverts ten of its test images")
parser.add_argument("--analogy", type=int, nargs=9, choices=range(100), metavar="N", help="samples for a, b and c")
parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("out/latent_space"), help="folder for the results")
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()

gan = keras.saving.load_model(args.model)
if isinstance(gan, keras_dcgan.ConditionalDCGAN):
    parser.error(f"needs an unconditional DCGAN; latents of a conditional one lack the class. Received: {args.model}")
args.out.mkdir(parents=True, exist_ok=True)
scale = max(1, 64 // max(gan.image_shape))  # enlarges small images
normal = gan.latent_prior == "normal"
method = "spherical" if normal else "linear"  # linear never leaves the cube of U(-1, 1)

# 1. A hundred samples
z = keras.ops.convert_to_numpy(gan.sample_latents(100, seed=args.seed))
pixels = gan.generate(latents=z)
images.grid(pixels, 10, scale=scale).save(args.out / "samples.png")

# 2. Interpolations from each sample of the first column to its neighbor, one per row
ways = [latents.interpolate(z[i], z[i + 1], 10, method) for i in range(0, 100, 10)]
images.grid(gan.generate(latents=np.concatenate(ways)), 10, scale=scale).save(args.out / "interpolation.png")

# 3. Four closed walks side by side, each through five samples, as an animation that loops without a jump
walks = [latents.walk(z[i : i + 5], 12, method, closed=True) for i in (0, 20, 40, 60)]
steps = gan.generate(latents=np.stack(walks, axis=1).reshape(-1, gan.latent_dim))
frames = [images.grid(steps[i : i + 4], 4, scale=scale) for i in range(0, len(steps), 4)]
images.save_animation(frames, args.out / "walk.gif", duration=80)

# 4. The same ten latent vectors at three truncations and without
truncations = (0.25, 0.5, 1.0, None) if normal else (0.25, 0.5, 0.75, None)
shape = (10, gan.latent_dim)
rows = [gan.generate(latents=latents.sample(shape, gan.latent_prior, args.seed, t)) for t in truncations]
images.grid(np.concatenate(rows), 10, scale=scale).save(args.out / "truncation.png")

# 5. Arithmetic: bright - dark samples of one kind + dark samples of another kind
if args.analogy:
    a, b, c = np.reshape(args.analogy, (3, 3))
else:
    flat = pixels.reshape(100, -1).astype("float64")
    brightness = flat.mean(axis=1)
    flat -= brightness[:, None]
    flat /= np.linalg.norm(flat, axis=1, keepdims=True) + 1  # 1: a uniform image resembles none
    likeness = flat @ flat.T
    kinds = np.argsort(-likeness, axis=1)[:, :12]  # per row: a sample and the eleven most similar ones
    alike = np.take_along_axis(likeness, kinds, axis=1).mean(axis=1)
    kinds = np.take_along_axis(kinds, np.argsort(brightness[kinds], axis=1), axis=1)  # from dark to bright
    contrast = brightness[kinds[:, -3:]].mean(axis=1) - brightness[kinds[:, :3]].mean(axis=1)
    contrast[alike < np.median(alike)] = -np.inf
    first = np.argmax(contrast)
    contrast[likeness[first] > np.quantile(likeness[first], 0.3)] = -np.inf
    second = np.argmax(contrast)  # among the least similar to the first
    a, b, c = kinds[first, -3:], kinds[first, :3], kinds[second, :3]
result = latents.analogy(z[a], z[b], z[c])
noise = np.random.default_rng(args.seed).uniform(-0.25, 0.25, (3, 3, gan.latent_dim))
table = np.zeros((4, 6, gan.latent_dim), "float32")
table[:3, :3] = np.stack([z[a], z[b], z[c]], axis=1)
table[3, :3] = table[:3, :3].mean(axis=0)
table[3, 4] = result
table[:3, 3:] = result + noise  # variations of the result
cells = gan.generate(latents=table.reshape(-1, gan.latent_dim))
cells[[21, 23]] = 0  # empty cells beside the result
images.grid(cells, 6, scale=scale).save(args.out / "arithmetic.png")
print(f"Samples a {a.tolist()} - b {b.tolist()} + c {c.tolist()}")

# 6. Real images above their inversions
written = ["samples.png", "interpolation.png", "walk.gif", "truncation.png", "arithmetic.png"]
if args.data:
    real = keras_dcgan.datasets.load(args.data, "test", image_size=gan.image_shape[:2])[0][:10]
    found = gan.generate(latents=gan.invert(real, seed=args.seed))
    images.grid(np.concatenate([real, found]), len(real), scale=scale).save(args.out / "found.png")
    errors = np.mean((real / 255 - found / 255) ** 2, axis=(1, 2, 3))
    print(f"Mean squared errors of pixels from 0 to 1: {errors.round(4).tolist()}, on average {errors.mean():.4f}")
    written.append("found.png")
print(f"Written to {args.out}: {', '.join(written)}")
