"""Draws the losses that `keras.callbacks.CSVLogger` wrote in a GAN's training.

python examples/plot_losses.py out/mnist/losses.csv [--out losses.png]

Needs matplotlib: pip install "keras-dcgan[examples]"
"""

import argparse
import csv
import math
import pathlib

import matplotlib.pyplot as plt

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("table", type=pathlib.Path)
parser.add_argument("--out", type=pathlib.Path, help="picture to be written; default: beside the table, .png")
args = parser.parse_args()

with args.table.open() as file:
    # a run that was stopped and taken up has trained some epochs twice: the later row counts
    rows = {int(row["epoch"]) + 1: row for row in csv.DictReader(file)}

figure, (top, bottom) = plt.subplots(2, sharex=True, figsize=(8, 5), height_ratios=(2, 1), layout="constrained")
for axes, names in ((top, ("d_loss", "g_loss")), (bottom, ("real_accuracy", "fake_accuracy"))):
    for name in names:
        axes.plot(rows.keys(), [float(row[name]) for row in rows.values()], label=name)
# where a discriminator that cannot tell one from the other has them, under cross-entropy
top.axhline(2 * math.log(2), color="C0", linestyle=":", label="2 log 2")
top.axhline(math.log(2), color="C1", linestyle=":", label="log 2")
top.set_ylabel("loss")
bottom.set(xlabel="epoch", ylabel="accuracy", ylim=(0, 1))
bottom.xaxis.get_major_locator().set_params(integer=True)  # there are only whole epochs
for axes in (top, bottom):
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)

out = args.out or args.table.with_suffix(".png")
figure.savefig(out, dpi=100)
print(out)
