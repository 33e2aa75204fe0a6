"""What a GAN's discriminator has learnt without labels: its features under a linear support vector machine.

python examples/linear_svm.py out/radford/gan.keras --data mnist
python examples/linear_svm.py out/radford/gan.keras --data mnist --images 60000    # all of them

The experiment of Radford, Metz and Chintala (2016), section 5.1, beside raw pixels and the same network untrained.
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
parser.add_argument("model", help="file of a trained DCGAN, or of a conditional one whose convolutions see no labels")
parser.add_argument("--data", required=True, help="labelled images, as keras_dcgan.datasets.load takes them")
parser.add_argument("--images", type=int, default=10_000, help="how many training images, drawn at random")
parser.add_argument("--seed", type=int, default=0, help="for what is drawn at random")
args = parser.parse_args()
keras.utils.set_random_seed(args.seed)

# 1. The trained network, and the same with new weights: where a preset was given a seed, those it had before training
trained = keras.saving.load_model(args.model)
untrained = trained.from_config(trained.get_config())

# 2. Training images at random, since a set may be in the order of its classes, and all test images
size = trained.image_shape[:2]
images, labels = keras_dcgan.datasets.load(args.data, image_size=size)
chosen = np.random.default_rng(args.seed).permutation(len(images))[: args.images]
images, labels = images[chosen], labels[chosen]
test_images, test_labels = keras_dcgan.datasets.load(args.data, "test", image_size=size)


# 3. Three descriptions of an image
def pixels(images):
    return images.reshape(len(images), -1).astype("float32")


descriptions = {"raw pixels": pixels, "untrained network": untrained.features, "trained network": trained.features}

# 4. For each a linear L2-SVM: scaled to 0..1, C chosen on a fifth of the training images, then trained on all of them
print(f"{len(images)} training images, {len(test_images)} test images\n")
print(f"{'':18} {'features':>9} {'C':>7} {'accuracy':>9}")
for name, describe in descriptions.items():
    # solved in the dual, coarsely: a finer tolerance takes several times as long for the same accuracy
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
