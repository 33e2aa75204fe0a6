"""examples/streaming.py: every way of reading, in its order, shared out, and trained on."""

import importlib.util
import pathlib
import sys

import numpy as np
import pytest
from conftest import starts_workers, tiny
from PIL import Image
from scripts import run
from test_examples import frames

NAMES = ["folder", "tfrecord", "keras", *(["torch"] if importlib.util.find_spec("torch") else [])]
EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"
SHAPE = (8, 8, 1)
pytestmark = starts_workers


@pytest.fixture
def streaming(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.delitem(sys.modules, "streaming", raising=False)
    import streaming

    monkeypatch.setattr(streaming, "PER_SHARD", 4)
    return streaming


@pytest.fixture
def folder(tmp_path):
    """24 grey images (8, 8), the i-th of the pixel value i."""
    folder = tmp_path / "images"
    folder.mkdir()
    for i in range(24):
        Image.fromarray(np.full((8, 8), i, "uint8")).save(folder / f"{i:02d}.png")
    return folder


def stream(streaming, name, folder, seed=0, process=0, processes=1):
    if name == "tfrecord":
        shards = folder.parent / "shards"
        if not shards.exists():
            streaming.write_shards(folder, shards, SHAPE)
        folder = shards
    return streaming.SOURCES[name](folder, SHAPE, 4, seed, process, processes)


def read(data, epoch=0):
    """The pixel value of every image, batch by batch."""
    if hasattr(data, "set_epoch"):
        data.set_epoch(epoch)
        batches = [data[i][0] for i in range(len(data))]
    else:
        if hasattr(data, "sampler"):
            data.sampler.set_epoch(epoch)
        batches = [np.asarray(batch) for batch in data]
    assert {(batch.shape, batch.dtype.name) for batch in batches} == {((4, *SHAPE), "uint8")}
    return [int(image.mean()) for batch in batches for image in batch]


@pytest.mark.parametrize("name", NAMES)
def test_an_epoch_is_all_images_in_an_order_that_follows_from_the_seed(streaming, folder, name):
    def orders(seed):
        data = stream(streaming, name, folder, seed)
        return [read(data, epoch) for epoch in (0, 1)]

    first, second = orders(0)
    assert sorted(first) == sorted(second) == list(range(24))
    assert len({tuple(x) for x in (first, second, *orders(5), tuple(range(24)))}) == 5
    assert orders(0) == [first, second]


@pytest.mark.parametrize("name", NAMES[1:])
def test_processes_read_different_images(streaming, folder, name):
    shares = [read(stream(streaming, name, folder, process=i, processes=2)) for i in range(2)]
    assert [len(share) for share in shares] == [12, 12]
    assert sorted(shares[0] + shares[1]) == list(range(24))


@pytest.mark.parametrize("name", NAMES)
def test_fit_trains_on_it(streaming, folder, name):
    gan = tiny()
    history = gan.fit(stream(streaming, name, folder), epochs=2, verbose=0).history
    assert gan.optimizer.iterations == 12
    assert np.isfinite(history["loss"]).all()


@pytest.mark.once
def test_the_example_goes_on_where_it_was(folder, tmp_path):
    options = [folder, "--size", "16", "--gray", "--batch-size", "8", "--out", tmp_path / "out"]
    run("examples/streaming.py", *options, "--epochs", 1)
    assert frames(tmp_path / "out" / "samples.gif") == 2
    (tmp_path / "out" / "gan.keras").unlink()
    output = run("examples/streaming.py", *options, "--epochs", 2)
    assert (tmp_path / "out" / "gan.keras").exists()
    assert "trained model" in output
