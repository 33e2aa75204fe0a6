"""Plots the results of recipes.py: Fréchet distance over training time, one color per recipe, one line per seed.

python benchmarks/quality/plot_recipes.py out/recipes.json [FILE ...] --out out/recipes.png

Needs matplotlib. Times are comparable within one machine.
"""

import argparse
import json
import pathlib

import matplotlib

from keras_dcgan.training.files import replacing

matplotlib.use("Agg")
import matplotlib.pyplot as plt

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("results", nargs="+", type=pathlib.Path, metavar="FILE", help="by recipes.py --out")
parser.add_argument("--out", type=pathlib.Path, required=True, help="picture to write")
args = parser.parse_args()

lines = {}
for path in args.results:
    for row in json.loads(path.read_text())["rows"]:
        lines.setdefault(row["images"], {}).setdefault((path, row["seed"]), []).append(row)

figure, ax = plt.subplots(figsize=(8, 5), layout="constrained")
for i, (name, runs) in enumerate(lines.items()):
    for i, rows in enumerate(runs.values()):
        minutes, distances = ([row[key] for row in rows] for key in ("minutes", "frechet_distance"))
        label = name.replace("_", " ") if i == 0 else None  # once a recipe
        ax.plot(minutes, distances, "o-", markersize=3, color=f"C{i}", label=label)
ax.set(xlabel="minutes of training", ylabel="Fréchet distance", yscale="log", xlim=(0, None))
ax.yaxis.set_major_formatter("{x:g}")
ax.yaxis.set_minor_formatter("{x:g}")
ax.legend()
args.out.parent.mkdir(parents=True, exist_ok=True)
with replacing(args.out) as temporary:
    figure.savefig(temporary)
