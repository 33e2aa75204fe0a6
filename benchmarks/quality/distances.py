"""Distances, precision, recall, density and coverage of saved models over the epochs, as a table and curves.

python examples/classifier.py --data fashion_mnist --out out/classifier.keras
python benchmarks/quality/distances.py fashion_mnist out/gan-*.keras --classifier out/classifier.keras --plot curves.png

Features are those of the classifier's last hidden layer. Samples are compared with the same number of real images of
--split; the first row shows the real images of the other split. The curves take the epochs from file names, such as
gan-012.keras.
"""

import pathlib
import re

import keras
import quality

import keras_dcgan
from keras_dcgan import metrics

parser = quality.parser(__doc__, samples=10_000)
parser.add_argument("--classifier", type=pathlib.Path, required=True, help="by examples/classifier.py")
parser.add_argument("--split", choices=["train", "test"], default="train", help="real images; default: train")
parser.add_argument("--plot", type=pathlib.Path, metavar="FILE", help="picture of the curves; needs matplotlib")
args = parser.parse_args()
epochs = [re.search(r"(\d+)$", path.stem) for path in args.models]
if args.plot is not None and not (epochs and all(epochs)):
    parser.error("--plot needs models whose names end in their epoch, such as gan-012.keras")

classifier = keras.saving.load_model(args.classifier)
extractor = keras.Model(classifier.inputs, classifier.layers[-2].output)


def features(images):
    return extractor.predict(images[: args.samples], batch_size=500, verbose=0)


real = features(keras_dcgan.datasets.load(args.data, args.split)[0])
other = {"train": "test", "test": "train"}[args.split]
results = quality.Results(
    args,
    frechet_distance=".3f",
    kernel_distance=".4f",
    standard_error=".4f",
    precision=".3f",
    recall=".3f",
    density=".3f",
    coverage=".3f",
)


def add(name, images):
    made = features(images)
    kernel_distance, standard_error = metrics.kernel_distance(real, made)
    precision, recall = metrics.precision_recall(real, made)
    density, coverage = metrics.density_coverage(real, made)
    results.add(
        name,
        frechet_distance=metrics.frechet_distance(real, made),
        kernel_distance=kernel_distance,
        standard_error=standard_error,
        precision=precision,
        recall=recall,
        density=density,
        coverage=coverage,
    )


add(f"real {other} images", keras_dcgan.datasets.load(args.data, other)[0])
for path in args.models:
    add(path, quality.samples(path, args)[0])

if args.plot is not None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    x = [int(epoch.group(1)) for epoch in epochs]
    first, *rows = results.content["rows"]
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.5), layout="constrained")
    for ax, names in zip(
        axes, (["frechet_distance"], ["kernel_distance"], ["precision", "recall", "coverage"]), strict=True
    ):
        for name in names:
            (line,) = ax.plot(x, [row[name] for row in rows], label=name.replace("_", " "))
            ax.axhline(first[name], color=line.get_color(), linestyle=":", linewidth=1)
        ax.set_xlabel("epoch (dotted: real images)")
        ax.set_ylim(bottom=0)
        ax.legend()
    args.plot.parent.mkdir(parents=True, exist_ok=True)
    with keras_dcgan.training.files.replacing(args.plot) as temporary:
        figure.savefig(temporary)
