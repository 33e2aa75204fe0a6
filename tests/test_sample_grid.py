"""SampleGrid, and the callbacks that hand its grids to a notebook, to TensorBoard and to experiment trackers."""

import base64
import io
import re
import sys
import types

import keras
import numpy as np
import pytest
from conftest import tiny
from PIL import Image
from stubs import StubModel

from keras_dcgan import callbacks, images

pytestmark = pytest.mark.once


class Kept(callbacks.SampleGrid):
    """Keeps what it receives."""

    def __init__(self, **options):
        super().__init__(**options)
        self.received = []

    def on_samples(self, epoch, image):
        self.received.append((epoch, image))


def test_grids_at_the_start_and_after_every_second_epoch_of_all_trainings():
    model, kept = StubModel(), Kept(num_images=4, every=2, captions=False)
    grids = [images.grid(model.generate(4, seed=0), scale=2)]
    keep = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: grids.append(images.grid(model.generate(4, seed=0), scale=2))
    )
    model.fit(kept, keep, epochs=3)
    model.fit(kept, keep, epochs=3)
    assert [epoch for epoch, _ in kept.received] == [0, 2, 3, 4, 6]
    for epoch, image in kept.received:
        np.testing.assert_array_equal(np.asarray(image), np.asarray(grids[epoch]))


def test_the_grid_is_drawn_once_per_epoch(monkeypatch):
    model, drawn = StubModel(), []
    monkeypatch.setattr(model, "generate", lambda **request: drawn.append(1) or StubModel.generate(model, **request))
    model.fit(Kept(), epochs=3)
    assert len(drawn) == 4


def test_the_base_class_names_the_method_to_override():
    with pytest.raises(NotImplementedError, match=r"SampleGrid must override `on_samples\(self, epoch, image\)`"):
        StubModel().fit(callbacks.SampleGrid())


def test_tensorboard_reads_the_samples(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    model, kept = StubModel(num_classes=2, class_names=["a", "b"]), Kept(labels=["a", "b", "b"])
    model.fit(callbacks.TensorBoardSamples(tmp_path, labels=["a", "b", "b"]), kept, epochs=2)
    events = EventAccumulator(str(tmp_path / "samples"), size_guidance={"images": 0}).Reload()
    read = events.Images("samples")
    assert [event.step for event in read] == [0, 1, 2]
    for event, (_, image) in zip(read, kept.received, strict=True):
        with Image.open(io.BytesIO(event.encoded_image_string)) as file:
            np.testing.assert_array_equal(np.asarray(file), np.asarray(image))


def test_names_the_package_that_tensorboard_samples_need(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard.summary.writer.event_file_writer", None)
    with pytest.raises(ImportError, match="pip install tensorboard"):
        callbacks.TensorBoardSamples("logs")


@pytest.fixture
def notebook(monkeypatch):
    """The outputs of a notebook cell, each with the states it had in turn."""
    outputs = []

    class Handle:
        def __init__(self, states):
            self.states = states

        def update(self, html):
            self.states.append(html)

    def display(html, display_id):
        assert display_id is True
        outputs.append([html])
        return Handle(outputs[-1])

    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: types.SimpleNamespace(kernel="a kernel")
    ipython.display = types.ModuleType("IPython.display")
    ipython.display.HTML, ipython.display.display = str, display
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", ipython.display)
    return outputs


def test_a_dashboard_is_one_output_with_progress_samples_and_curves(notebook, capsys, images, labels):
    gan = tiny("radford_28_conditional", class_names=["a", "b", "c"])
    data = {"batch_size": 8, "validation_data": (images[:8], labels[:8])}
    history = gan.fit(images, labels, epochs=3, callbacks=[callbacks.Dashboard(), kept := Kept()], **data).history
    assert capsys.readouterr().out == ""  # not even Keras's progress bar
    (states,) = notebook
    assert "epoch 1/3, step 0/3" in states[1]
    assert re.search(r"epoch 3/3, step 0/3, 0:\d\d left", "".join(states))
    last = states[-1]
    assert re.search(r'<progress value="1.000".*3 epochs in 0:\d\d', last)
    data = re.search(r'src="data:image/png;base64,([^"]+)"', last)[1]
    with Image.open(io.BytesIO(base64.b64decode(data))) as file:
        np.testing.assert_array_equal(np.asarray(file), np.asarray(kept.received[-1][1]))
    charts = re.findall("<svg.*?</svg>", last)
    assert [re.findall(r">(\w+)</text>", chart)[-2:] for chart in charts] == [
        ["d_loss", "g_loss"],
        ["fake_accuracy", "real_accuracy"],
    ]
    # four curves in a chart, two of them dashed; the values of one, read from its points
    assert [chart.count("<polyline") for chart in charts] == [4, 4]
    assert [chart.count("dasharray") for chart in charts] == [2, 2]
    high, low = map(float, re.findall(r">(-?[\d.e-]+)</text>", charts[0])[:2])
    points = re.search(r'points="([^"]+)"', charts[0])[1]
    y = np.array([float(point.split(",")[1]) for point in points.split()])
    np.testing.assert_allclose(low + (120 - y) / 100 * (high - low), history["d_loss"], rtol=0.02)


def test_a_dashboard_updates_at_most_twice_a_second(notebook, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("keras_dcgan.callbacks.dashboard.time.monotonic", lambda: now[0])
    dashboard = callbacks.Dashboard()
    dashboard.set_model(StubModel())
    dashboard.set_params({"epochs": 1, "steps": 100, "verbose": 1})
    dashboard.on_train_begin()
    dashboard.on_epoch_begin(0)
    before = len(notebook[0])
    for batch in range(100):
        now[0] += 0.1
        dashboard.on_train_batch_end(batch)
    assert len(notebook[0]) - before <= 20


def test_two_hundred_epochs_stay_small(notebook):
    dashboard = callbacks.Dashboard()
    dashboard.set_model(StubModel((28, 28, 1)))
    dashboard.set_params({"epochs": 200, "steps": 100, "verbose": 1})
    dashboard.on_train_begin()
    for epoch in range(200):
        dashboard.on_epoch_begin(epoch)
        dashboard.on_epoch_end(epoch, dict.fromkeys(("g_loss", "d_loss", "real_accuracy", "fake_accuracy"), epoch / 7))
    assert len(notebook[0][-1]) < 200_000


def test_a_metric_that_is_nan_leaves_a_gap(notebook):
    dashboard = callbacks.Dashboard()
    dashboard.set_model(StubModel())
    dashboard.set_params({"epochs": 3, "steps": None, "verbose": 1})
    dashboard.on_train_begin()
    for epoch, value in enumerate((1.0, np.nan, 2.0)):
        dashboard.on_epoch_begin(epoch)
        dashboard.on_epoch_end(epoch, {"<metric>": value})
    assert "nan" not in notebook[0][-1]
    assert "&lt;metric&gt;" in notebook[0][-1]
    assert "step 0/?" in notebook[0][-1]


def test_outside_a_notebook_a_dashboard_prints_a_line_per_epoch(capsys, images):
    tiny().fit(images, epochs=2, callbacks=[callbacks.Dashboard()])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert re.fullmatch(r"Epoch 2/2: d_loss \d.\d{3}, fake_accuracy .*, g_loss .*, 0:\d\d", lines[1])


@pytest.mark.parametrize("tracker", ["wandb", "mlflow"])
def test_the_six_lines_of_an_experiment_tracker(tracker, monkeypatch):
    """As docs/howto/monitor.md has them."""
    from test_docs import PAGES

    fake = types.ModuleType(tracker)
    fake.logged = []
    fake.Image = lambda image: image
    fake.log = lambda values, step: fake.logged.append((step, values["samples"]))
    fake.log_image = lambda image, key, step: fake.logged.append((step, image))
    monkeypatch.setitem(sys.modules, tracker, fake)
    blocks = re.findall(r"^```python\n(.*?)^```", PAGES["howto/monitor.md"], re.MULTILINE | re.DOTALL)
    (code,) = (block for block in blocks if f"import {tracker}" in block)
    lines = [line for line in code.splitlines() if line.strip()]
    assert len(lines) <= 8
    namespace = {}
    exec(code, namespace)
    (logger,) = (value for name, value in namespace.items() if name.endswith("Samples"))
    StubModel().fit(logger(), epochs=2)
    assert [step for step, _ in fake.logged] == [0, 1, 2]
    assert all(isinstance(image, Image.Image) for _, image in fake.logged)
