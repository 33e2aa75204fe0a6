"""The test error of a 1-nearest-neighbor classifier on generated images: low if they cover the classes.

python benchmarks/quality/nearest_neighbour.py mnist out/gan.keras [MODEL ...]

One nearest neighbor in raw pixels among --samples images of a conditional model, the same number per class. The first
row is the error of real training images. Radford, Metz and Chintala (2016), appendix A.1, report for 50,000 images of
MNIST: real ones 3.1 %, their DCGAN 2.98 %, a GAN without convolutions 6.28 %.
"""

import quality
from sklearn.neighbors import KNeighborsClassifier

import keras_dcgan

args = quality.parser(__doc__, samples=50_000).parse_args()
images, labels = keras_dcgan.datasets.load(args.data)
test_images, test_labels = keras_dcgan.datasets.load(args.data, "test")


def error(images, labels):
    def flat(images):
        return images.reshape(len(images), -1).astype("float32")

    classifier = KNeighborsClassifier(1, algorithm="brute").fit(flat(images), labels)
    return 1 - classifier.score(flat(test_images), test_labels)


results = quality.Results(args, samples=",", error=".2%")
images, labels = images[: args.samples], labels[: args.samples]
results.add("real training images", samples=len(images), error=error(images, labels))
for path in args.models:
    results.add(path, samples=args.samples, error=error(*quality.samples(path, args, labelled=True)))
