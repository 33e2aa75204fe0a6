"""Dashboard: progress, samples and curves of a training run in a notebook."""

import base64
import html
import io
import itertools
import math
import sys
import time
from typing import Any

from PIL import Image

from keras_dcgan import backend
from keras_dcgan.callbacks.sample_grid import SampleGrid

_COLORS = ("#3b82f6", "#f97316", "#22a55b", "#a855f7")  # seen on white and on black
_GROUPS = {"g_loss": "losses", "d_loss": "losses", "real_accuracy": "accuracies", "fake_accuracy": "accuracies"}
_INTERVAL = 0.5  # seconds between two updates


class Dashboard(SampleGrid):
    """Shows the progress, the current samples and the curves of a training run in one output of a notebook.

    The output updates itself, at most twice a second (tested with Jupyter). Its last state stays in the saved
    notebook and in its HTML export. The curves are those of all metrics in the logs, held-out data dashed. Outside a
    notebook, one line per epoch is printed. Keras's progress bar is switched off.

    Args:
        num_images, seed, labels, every, scale, captions: as in `SampleGrid`.

    Raises:
        ValueError, TypeError: an argument is invalid.

    Example:
        >>> gan.fit(images, epochs=10, callbacks=[keras_dcgan.callbacks.Dashboard()])
    """

    async_safe = True  # lets Keras call on_train_batch_end in another thread

    def set_params(self, params: dict[str, Any]) -> None:
        """Switches Keras's progress bar off: all callbacks share `params`, and the bar is the last of them."""
        params["verbose"] = 0
        super().set_params(params)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Opens the output."""
        super().on_train_begin(logs)
        self._start = self._updated = time.monotonic()
        self._first: Any = None  # epoch
        self._curves: dict[str, list[tuple[int, float]]] = {}
        self._picture = ""
        self._output = _Output() if _in_notebook() else None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Shows the samples before the first epoch."""
        self._epoch = epoch
        if self._first is None:
            self._first = epoch
        super().on_epoch_begin(epoch, logs)

    def on_samples(self, epoch: int, image: Image.Image) -> None:
        """Replaces the samples."""
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        self._picture = base64.b64encode(buffer.getvalue()).decode()
        self._show(self._progress(0))

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Updates the progress."""
        if self._output is not None and time.monotonic() - self._updated > _INTERVAL:
            self._show(self._progress(batch + 1))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Continues the curves."""
        assert self._earlier is not None
        values = {name: float(value) for name, value in (logs or {}).items()}
        for name, value in values.items():
            self._curves.setdefault(name, []).append((self._earlier + epoch + 1, value))
        if self._output is None and not backend.process_id():
            metrics = ", ".join(f"{name} {value:.3f}" for name, value in values.items())
            print(f"Epoch {epoch + 1}/{self.params['epochs']}: {metrics}, {_clock(self._elapsed())}", flush=True)
        super().on_epoch_end(epoch, logs)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Shows the last state."""
        done = 0 if self._first is None else self._epoch + 1 - self._first
        self._show(_bar(1, f"{done} epochs in {_clock(self._elapsed())}"))

    def _elapsed(self):
        return time.monotonic() - self._start

    def _progress(self, batches):
        """A bar for all epochs of `fit`, with the time left."""
        epochs, steps = self.params["epochs"], self.params["steps"]
        done = self._epoch - self._first + batches / (steps or math.inf)
        part = done / max(epochs - self._first, 1)
        text = f"epoch {self._epoch + 1}/{epochs}, step {batches}/{steps or '?'}"
        if part > 0:
            text += f", {_clock(self._elapsed() * (1 - part) / part)} left"
        return _bar(part, text)

    def _show(self, bar):
        if self._output is not None:
            self._updated = time.monotonic()
            picture = f'<img src="data:image/png;base64,{self._picture}" alt="samples" style="max-width: 100%">'
            charts = _charts(self._curves)
            body = f'<div style="display: flex; flex-wrap: wrap; gap: 1em">{picture}<div>{charts}</div></div>'
            self._output.update(f'<div style="font: 13px sans-serif">{bar}{body}</div>')


class _Output:
    """One output of a notebook that can be replaced."""

    def __init__(self):
        from IPython.display import HTML, display

        self._html = HTML
        self._handle = display(HTML(""), display_id=True)

    def update(self, text):
        self._handle.update(self._html(text))


def _in_notebook():
    ipython = sys.modules.get("IPython")
    return ipython is not None and getattr(ipython.get_ipython(), "kernel", None) is not None


def _clock(seconds):
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}" if minutes >= 60 else f"{minutes}:{seconds:02d}"


def _bar(part, text):
    return f'<p><progress value="{part:.3f}" style="width: 200px"></progress> {html.escape(text)}</p>'


def _charts(curves):
    """Charts of the networks' losses, of the accuracies, and of every other metric."""
    groups: dict[str, dict[str, list[tuple[int, float]]]] = {}
    for name, points in curves.items():
        metric = name.removeprefix("val_")
        if metric != "loss":  # the sum of g_loss and d_loss
            groups.setdefault(_GROUPS.get(metric, metric), {})[name] = points
    return "".join(map(_chart, groups.values()))


def _chart(curves):
    """An SVG of some curves, each a list of `(epoch, value)`, with a legend; held-out data dashed."""
    finite = [point for points in curves.values() for point in points if math.isfinite(point[1])]
    epochs, values = zip(*finite, strict=True) if finite else ((0,), (0.0,))
    low, high = min(values), max(values)
    first, last = min(epochs), max(epochs)
    left, right, top, bottom = 50, 330, 20, 120

    def place(epoch, value):
        x = left + (right - left) * (epoch - first) / max(last - first, 1)
        return f"{x:.1f},{bottom - (bottom - top) * ((value - low) / (high - low) if high > low else 0.5):.1f}"

    def text(x, y, content, anchor="end", color="currentColor"):
        return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{color}">{html.escape(content)}</text>'

    parts = [f'<path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="currentColor" opacity="0.4"/>']
    parts += [text(left - 4, top + 8, f"{high:.3g}"), text(left - 4, bottom, f"{low:.3g}")]
    parts += [text(left, bottom + 14, str(first), "middle"), text(right, bottom + 14, f"epoch {last}")]
    metrics = list(dict.fromkeys(name.removeprefix("val_") for name in curves))
    colors = dict(zip(metrics, itertools.cycle(_COLORS), strict=False))
    for i, metric in enumerate(metrics):
        parts.append(text(left + i * (right - left) // len(metrics), top - 8, metric, "start", colors[metric]))
    for name, points in curves.items():
        color = colors[name.removeprefix("val_")]
        drawn = " ".join(place(*point) for point in points if math.isfinite(point[1]))
        dashed = ' stroke-dasharray="4 3"' if name.startswith("val_") else ""
        line = f'fill="none" stroke="{color}" stroke-width="1.5" stroke-linecap="round"{dashed}'
        parts.append(f'<polyline points="{drawn}" {line}/>')
    style = "display: block; font: 11px sans-serif"
    return f'<svg viewBox="0 0 340 140" width="340" height="140" style="{style}">{"".join(parts)}</svg>'
