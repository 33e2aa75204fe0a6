"""Trains a linear support vector machine on features of a GAN's discriminator, which were learned without labels.

python examples/linear_svm.py out/radford/gan.keras --data mnist
python examples/linear_svm.py out/radford/gan.keras --data mnist --images 60000    # all of them

The experiment of Radford, Metz and Chintala (2016), section 5.1, compared with raw pixels and an untrained network.
Needs scikit-learn: pip install "keras-dcgan[metrics]"
"""

import argparse

import keras
import numpy as np
from sklearn.model_selection import GridSearchCV, ShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.svm import LinearSVC

import keras_dcgan

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("model", help="file of a trained DCGAN, or of a conditional one whose convolutions get no labels")
parser.add_argument("--data", required=True, help="source with labels for keras_dcgan.datasets.load")
parser.add_argument("--images", type=int, default=10_000, help="number of random training images")
parser.add_argument("--seed", type=int, default=0, help="for the random images")
args = parser.parse_args()
keras.utils.set_random_seed(args.seed)

# 1. The trained network, and the same one with initial weights; with a preset's seed, those before its training
trained = keras.saving.load_model(args.model)
untrained = trained.from_config(trained.get_config())

# 2. Random training images, since a set may be sorted by class, and all test images
size = trained.image_shape[:2]
images, labels = keras_dcgan.datasets.load(args.data, image_size=size)
chosen = np.random.default_rng(args.seed).permutation(len(images))[: args.images]
images, labels = images[chosen], labels[chosen]
test_images, test_labels = keras_dcgan.datasets.load(args.data, "test", image_size=size)


# 3. Three kinds of features
def pixels(images):
    return images.reshape(len(images), -1).astype("float32")


descriptions = {"raw pixels": pixels, "untrained network": untrained.features, "trained network": trained.features}

# 4. A linear L2-SVM for each: scaled to 0..1, C selected on a fifth of the training images, then trained on all
print(f"{len(images)} training images, {len(test_images)} test images\n")
print(f"{'':18} {'features':>9} {'C':>7} {'accuracy':>9}")
for name, describe in descriptions.items():
    # a coarse tolerance: a finer one takes several times as long for the same accuracy
    svm = LinearSVC(dual=True, tol=0.1, max_iter=10_000, random_state=args.seed)
    search = GridSearchCV(
        make_pipeline(MinMaxScaler(), svm),
        {"linearsvc__C": [3e-4, 1e-3, 3e-3, 1e-2, 3e-2]},
        cv=ShuffleSplit(n_splits=1, test_size=0.2, random_state=args.seed),
    )
    search.fit(describe(images), labels)
    best = search.best_params_["linearsvc__C"]
    accuracy = search.score(describe(test_images), test_labels)
    print(f"{name:18} {search.n_features_in_:9} {best:7g} {accuracy:9.2%}", flush=True)
