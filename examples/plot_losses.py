"""Plots the losses and accuracies that `keras.callbacks.CSVLogger` wrote during a run.

python examples/plot_losses.py out/mnist/losses.csv [--out losses.png]

Needs matplotlib: pip install "keras-dcgan[plots]"
"""

import argparse
import pathlib

import keras_dcgan

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("table", type=pathlib.Path)
parser.add_argument("--out", type=pathlib.Path, help="image file to write; default: next to the table")
args = parser.parse_args()

out = args.out or args.table.with_suffix(".png")
keras_dcgan.plots.history(args.table).savefig(out, dpi=100)
print(out)
