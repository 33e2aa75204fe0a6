"""The Inception network and the metrics, against torch-fidelity and prdc, as `.ci/run` installs them."""

import importlib
import importlib.util
import pathlib
import sys
import types
from unittest import mock

import keras
import numpy as np
import pytest

from keras_dcgan import metrics

module = importlib.import_module("keras_dcgan.metrics.inception")  # whose name in the package is the function's
torch = pytest.importorskip("torch")


@pytest.fixture(scope="module", autouse=True)
def fidelity():
    """torch-fidelity without the parts that need torchvision, for which no CPU build goes with this PyTorch."""
    spec = importlib.util.find_spec("torch_fidelity")
    if spec is None:
        pytest.skip("needs torch-fidelity: pip install --no-deps torch-fidelity prdc pytorch-fid clean-fid")
    package = types.ModuleType("torch_fidelity")
    package.__path__ = [str(pathlib.Path(spec.origin).parent)]
    sys.modules |= {"torch_fidelity": package, "torch_fidelity.utils": mock.MagicMock()}
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "torch_fidelity"]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """torch-fidelity's network with random weights, and the file of these weights."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    class Random(FeatureExtractorInceptionV3):
        def load_state_dict(self, state):
            rng = np.random.default_rng(0)
            for name, value in self.state_dict().items():
                if value.ndim > 1:
                    new = rng.normal(0, np.sqrt(2 / np.prod(value.shape[1:])), value.shape)
                elif name.endswith(("running_var", "bn.weight")):
                    new = rng.uniform(0.5, 1.5, value.shape)
                else:
                    new = rng.normal(0, 0.1, value.shape)
                value.copy_(torch.from_numpy(np.asarray(new)))

    path = tmp_path_factory.mktemp("inception") / "weights.pth"
    torch.save({}, path)
    network = Random("random", ["2048", "logits_unbiased"], feature_extractor_weights_path=path)
    torch.save(network.state_dict(), path)
    return network, path


def images(height, width, channels, n=2):
    return np.random.default_rng(1).integers(0, 256, (n, height, width, channels), "uint8")


def expected(network, x):
    x = np.repeat(x, 3 // x.shape[-1], axis=-1).transpose(0, 3, 1, 2)
    with torch.no_grad():
        features, logits = network(torch.from_numpy(x.copy()))
    return features.numpy(), torch.softmax(logits, 1).numpy()


def difference(ours, theirs):
    return np.abs(ours - theirs).max() / np.abs(theirs).max()


@pytest.fixture(scope="module")
def ours(reference):
    return metrics.inception(str(reference[1]), "both")


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3), (64, 48, 3), (128, 128, 3), (320, 400, 1)])
def test_features_and_probabilities_are_those_of_torch_fidelity(reference, ours, shape):
    x = images(*shape)
    features, probabilities = ours.predict(x, verbose=0)
    theirs = expected(reference[0], x)
    assert features.shape == (2, 2048)
    assert difference(features, theirs[0]) < 1e-4
    assert difference(probabilities, theirs[1]) < 1e-4


def average_with_padding(x):
    return keras.layers.AveragePooling2D(3, 1, "valid")(keras.layers.ZeroPadding2D(1)(x))


class Average:
    """The layers of Keras, with the average of the pixels in place of the largest value where the size stays."""

    def __getattr__(self, name):
        return getattr(keras.layers, name)

    def MaxPooling2D(self, size, strides, padding, **options):
        kind = keras.layers.AveragePooling2D if padding == "same" else keras.layers.MaxPooling2D
        return kind(size, strides, padding, **options)


@pytest.mark.once
@pytest.mark.parametrize("variant", ["resizing", "padding", "pooling"])
def test_other_variants_have_other_features(reference, ours, monkeypatch, variant):
    x = images(32, 32, 3)
    if variant == "resizing":
        resized = keras.ops.image.resize(x.astype("float32"), (299, 299), "bilinear")
        features = ours.predict(keras.ops.convert_to_numpy(resized), verbose=0)[0]
    else:
        if variant == "padding":
            monkeypatch.setattr(module, "_average", average_with_padding)
        else:
            monkeypatch.setattr(module, "layers", Average())
        features = metrics.inception(str(reference[1])).predict(x, verbose=0)
    assert difference(features, expected(reference[0], x)[0]) > 1e-2


@pytest.mark.once
def test_weights_are_kept_without_pytorch(reference, ours, tmp_path, monkeypatch):
    both = metrics.inception(str(reference[1]), "both")
    both.save_weights(tmp_path / "inception.weights.h5")
    monkeypatch.setitem(sys.modules, "torch", None)
    features = metrics.inception(str(tmp_path / "inception.weights.h5"))
    x = images(32, 32, 1)
    np.testing.assert_allclose(features.predict(x, verbose=0), ours.predict(x, verbose=0)[0], rtol=1e-5, atol=1e-5)
    with pytest.raises(ImportError, match="pip install torch"):
        metrics.inception(str(reference[1]))


@pytest.mark.once
def test_files_that_are_damaged_or_have_other_weights_are_refused(tmp_path):
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match="must be the file pt_inception-2015-12-05"):
        metrics.inception(str(tmp_path / "other.pth"))
    (tmp_path / "other.pth").rename(tmp_path / "pt_inception-2015-12-05-6726825d.pth")
    with pytest.raises(ValueError, match="the file is damaged"):
        metrics.inception(str(tmp_path / "pt_inception-2015-12-05-6726825d.pth"))
    (tmp_path / "junk.pth").write_bytes(b"junk")
    with pytest.raises(ValueError, match="is not a readable PyTorch file"):
        metrics.inception(str(tmp_path / "junk.pth"))
    with pytest.raises(FileNotFoundError, match="`weights` does not exist: download"):
        metrics.inception("missing.pth")
    with pytest.raises(ValueError, match='`output` must be "features"'):
        metrics.inception("any.pth", "logits")


def features(n, seed):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 16)) * rng.uniform(0.5, 2, 16) + seed / 4


@pytest.mark.once
def test_metrics_are_those_of_torch_fidelity():
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
    from torch_fidelity.metric_isc import isc_features_to_metric
    from torch_fidelity.metric_kid import kid_features_to_metric

    x, y = features(300, 0), features(400, 1)
    theirs = [fid_features_to_statistics(torch.from_numpy(part)) for part in (x, y)]
    fid = fid_statistics_to_metric(*theirs, verbose=False)["frechet_inception_distance"]
    assert metrics.frechet_distance(x, y) == pytest.approx(fid, rel=1e-6)
    options = {"kid_subsets": 10, "kid_subset_size": 100, "rng_seed": 2020, "verbose": False}
    options |= {"kid_kernel": "poly", "kid_kernel_poly_degree": 3, "kid_kernel_poly_gamma": None}
    kid = kid_features_to_metric(torch.from_numpy(x), torch.from_numpy(y), kid_kernel_poly_coef0=1, **options)
    assert metrics.kernel_distance(x, y, block_size=100, subsets=10) == pytest.approx((*kid.values(),), rel=1e-6)
    isc = isc_features_to_metric(torch.from_numpy(x), splits=5, shuffle=False)
    probabilities = torch.softmax(torch.from_numpy(x), 1).numpy()
    assert metrics.inception_score(probabilities, 5) == pytest.approx((*isc.values(),), rel=1e-6)


@pytest.mark.once
def test_precision_recall_density_and_coverage_are_those_of_prdc():
    prdc = pytest.importorskip("prdc")
    x, y = features(300, 0), features(300, 1)
    theirs = prdc.compute_prdc(x, y, nearest_k=5)
    assert metrics.precision_recall(x, y, k=5) == pytest.approx((theirs["precision"], theirs["recall"]), abs=1e-12)
    assert metrics.density_coverage(x, y, k=5) == pytest.approx((theirs["density"], theirs["coverage"]), abs=1e-12)


@pytest.mark.once
@pytest.mark.filterwarnings("ignore:The `disp` argument:DeprecationWarning")  # pytorch-fid and clean-fid pass it
@pytest.mark.parametrize("package", ["pytorch_fid.fid_score", "cleanfid.fid"])
def test_statistics_files_are_exchanged(tmp_path, monkeypatch, package):
    """Files that pytorch-fid and clean-fid write load here, and they load ours; without their networks."""
    for name in ("torchvision", "torchvision.transforms", "requests"):
        monkeypatch.setitem(sys.modules, name, mock.MagicMock())
    fid = pytest.importorskip(package)
    x, y = features(300, 0), features(200, 1)
    if package == "cleanfid.fid":
        monkeypatch.setattr(fid.cleanfid, "__file__", str(tmp_path / "__init__.py"))  # its files lie beside its code
        monkeypatch.setattr(fid, "build_feature_extractor", lambda *_: None)
        monkeypatch.setattr(fid, "get_folder_features", lambda *_, **__: x)
        fid.make_custom_stats("theirs", "folder", device="cpu")
        paths = [tmp_path / "stats" / f"{name}_clean_custom_na.npz" for name in ("theirs", "ours")]
        distance = fid.frechet_distance
    else:
        monkeypatch.setattr(fid, "InceptionV3", mock.MagicMock())
        monkeypatch.setattr(fid, "calculate_activation_statistics", lambda *_: (x.mean(axis=0), np.cov(x.T)))
        paths = [tmp_path / f"{name}.npz" for name in ("theirs", "ours")]
        fid.save_fid_stats([str(tmp_path), str(paths[0])], 50, "cpu", 2048)
        distance = fid.calculate_frechet_distance
    ours = metrics.FrechetStatistics().update(y)
    ours.save(paths[1])
    if package == "cleanfid.fid":
        pairs = [fid.get_reference_statistics(name, None, split="custom") for name in ("theirs", "ours")]
    else:
        pairs = [fid.compute_statistics_of_path(str(path), None, 50, 2048, "cpu") for path in paths]
    expected = distance(*pairs[0], *pairs[1])
    assert metrics.frechet_distance(x, y) == pytest.approx(expected, rel=1e-6)
    assert metrics.frechet_distance(metrics.FrechetStatistics.load(paths[0]), ours) == pytest.approx(expected, rel=1e-6)
