"""benchmarks/speed: what its scripts print and write."""

import importlib.util
import json
import re
import subprocess
import sys

import numpy as np
import pytest
from scripts import ROOT, run, run_apart

pytestmark = pytest.mark.once


def test_contenders_take_turns(tmp_path):
    installed = [label for module, label in (("jax", "JAX"), ("torch", "PyTorch")) if importlib.util.find_spec(module)]
    labels = ["fit", "Keras's example", "bare loop", *(f"bare loop on {label}" for label in installed)]
    out = tmp_path / "new" / "speed.json"
    options = ["--rounds", "2", "--steps", "2", "--out", out]
    table = run_apart("benchmarks/speed/compare.py", "radford_28", "--only", *labels, *options)
    rows = json.loads(out.read_text())["results"]
    assert [row["contender"] for row in rows] == labels
    for row in rows:
        speed, ratio = re.search(rf"^\| {row['contender']} \| (\d+) \| ([\d.]+) \|", table, re.MULTILINE).groups()
        assert len(row["seconds"]) == 2
        assert int(speed) == pytest.approx(2 * 64 / (sum(row["seconds"]) / 2), abs=0.6)
        ratios = [own / first for own, first in zip(row["seconds"], rows[0]["seconds"], strict=True)]
        assert float(ratio) == pytest.approx(sum(ratios) / 2, abs=0.006)
        assert np.diff(row["peak_memory"]).min() > -1  # MB: the kernel counts pages with a delay


def test_parts_beside_training(tmp_path):
    out = tmp_path / "parts.json"
    options = ["--rounds", "1", "--samples", "40", "--images", "100", "--out", out]
    table = run_apart("benchmarks/speed/compare.py", "sampling", "memory", "import", *options)
    *sampling, ours, tutorials, imported = json.loads(out.read_text())["results"]
    assert [row["contender"] for row in sampling] == ["generate", *(f"predict, {n} at once" for n in (32, 128, 512))]
    for row in sampling:
        assert len(row["seconds"]) == 1
        assert f"| {row['contender']} | {40 / row['seconds'][0]:.0f} |" in table
    assert "an epoch of 128 images" in table
    for row in (ours, tutorials):
        assert row["part"] == "memory"
        assert f"| {row['contender']} | {row['peak_memory'][0]:.0f} |" in table
    assert f"| keras_dcgan, after keras | {1000 * imported['seconds'][0]:.0f} |" in table


def test_start():
    table = run_apart("benchmarks/speed/start.py")
    rows = re.findall(r"^\| (imports|model|first sample|step 1|step 2) \| ([\d.]+) \|$", table, re.MULTILINE)
    seconds = [float(cell) for _, cell in rows]
    assert len(seconds) == 5
    assert seconds == sorted(seconds)


def test_sizes():
    table = run_apart("benchmarks/speed/sizes.py", "--sizes", "28", "33", "--steps", "1", "--rounds", "1")
    assert re.search(r"^\| 28×28×1 \| 347,265 \| 36,705 \| \d+ ms \|$", table, re.MULTILINE)
    assert "| 33×33×3 | " in table


def test_gif():
    table = run("benchmarks/speed/gif.py", "--frames", "20")
    rows = re.findall(r"^\| (\d+) \| ([\d.]+) \| ([\d.]+) \| \d+ \|$", table, re.MULTILINE)
    assert [int(frames) for frames, *_ in rows] == list(range(2, 21, 2))
    assert float(rows[-1][2]) == pytest.approx(10 * float(rows[0][2]), rel=0.5)  # the file grows with its frames


def test_profile():
    printed = run_apart("benchmarks/speed/profile_step.py", "radford_28", "--steps", "2", "--lines", "100")
    # by hand, in millions: two passes of every network's first layer, dense and convolutional, lead nowhere
    dense, up, last = 100 * 49 * 64, 49 * 16 * 64 * 32, 196 * 16 * 32
    first, down, logit = 196 * 16 * 32, 49 * 16 * 32 * 64, 49 * 64
    flops = 2 * (2 * dense + 3 * (up + last) + 5 * first + 7 * (down + logit)) / 1e6
    assert float(re.search(r"([\d.]+) MFLOP an image", printed)[1]) == pytest.approx(flops, abs=0.06)
    shares = {kind: float(share) for kind, share in re.findall(r"^\| (\S+) \| ([\d.]+)% \|$", printed, re.MULTILINE)}
    assert sum(shares.values()) == pytest.approx(100, abs=3)
    assert any("conv" in kind.lower() for kind in shares)


def test_losses_in_bfloat16_are_near_those_in_float32():
    options = ["--network", "radford_28", "--steps", "10"]
    table = run("benchmarks/speed/bfloat16.py", "fashion_mnist_10k", *options)
    rows = [line.split("|")[2:-1] for line in table.splitlines() if re.match(r"\| (\d|all)", line)]
    figures = np.array([[float(cell.strip().rstrip(" %")) for cell in row] for row in rows])
    assert figures.shape == (6, 6)
    np.testing.assert_allclose(figures[-1, [0, 1, 3, 4]], figures[:-1, [0, 1, 3, 4]].mean(axis=0), atol=2e-4)
    for exact, low, off in (figures[:, :3].T, figures[:, 3:].T):
        np.testing.assert_allclose(low, exact, rtol=0.02)
        np.testing.assert_allclose(off, 100 * abs(low / exact - 1), atol=0.06)


def test_devices_take_turns(tmp_path):
    out = tmp_path / "devices.json"
    setups = ["TensorFlow", "TensorFlow, two replicas"]
    options = ["--only", *setups, "--rounds", "1", "--steps", "2", "--out", out]
    table = run_apart("benchmarks/speed/devices.py", "radford_28", *options)
    rows = {row["setup"]: row["seconds"] for row in json.loads(out.read_text())}
    assert list(rows) == setups
    for setup, (seconds,) in rows.items():
        speed, ratio = re.search(rf"^\| {setup} \| (\d+) \| ([\d.]+) \|", table, re.MULTILINE).groups()
        assert int(speed) == pytest.approx(2 * 64 / seconds, abs=0.6)
        assert float(ratio) == pytest.approx(rows[setup.split(",")[0]][0] / seconds, abs=0.006)


def test_what_devices_exchange():
    table = run("benchmarks/speed/exchange.py")
    cells = re.search(r"^\| `radford_28` \| (.*) \|$", table, re.MULTILINE)[1].split(" | ")
    dense, up, last = 100 * 49 * 256, 49 * 16 * 256 * 128, 196 * 16 * 128
    first, down, logit = 196 * 16 * 128, 49 * 16 * 128 * 256, 49 * 256
    flops = 2 * (2 * dense + 3 * (up + last) + 5 * first + 7 * (down + logit))
    norms = 2 * (49 * 256 // 49 + 128 + 256)
    parameters = dense + 16 * 256 * 128 + 16 * 128 + 1 + 16 * 128 + 128 + 16 * 128 * 256 + logit + 1 + norms
    size = 4 * parameters
    near, far = (
        9 * (2 * (n - 1) / n * size / link + 2 * steps * 10e-6) for n, link, steps in ((8, 450e9, 3), (64, 50e9, 6))
    )
    assert cells[:4] == [
        f"{size / 1e6:.1f}",
        f"{flops / 1e9:.2f}",
        "128",
        f"{2 * size / (128 * flops / 56e12) / 1e9:.1f}",
    ]
    assert [int(cell.replace(",", "")) for cell in cells[4:6]] == [
        n * int(np.ceil(seconds * 56e12 / flops)) for n, seconds in ((8, near), (64, far))
    ]


def test_images_that_are_larger_than_memory():
    table = run_apart("benchmarks/speed/larger_than_memory.py", "memory", "--megabytes", "32", "--limit", "6000")
    rows = re.findall(r"^\| ([\d,]+) \| ([\d,]+) \| (\d+) \| (\d+) \| (\d+) \|$", table, re.MULTILINE)
    assert [int(row[0].replace(",", "")) for row in rows] == [256 * i for i in range(1, 11)]
    command = [sys.executable, ROOT / "benchmarks/speed/larger_than_memory.py", "reading", "--batches", "1"]
    table = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    rows = re.findall(r"^\| (?:PNG|JPG), \d+×\d+ \|(.*)\|$", table, re.MULTILINE)
    assert [len(re.findall(r"[1-9][\d,]* ", row)) for row in rows] == [5, 5, 5]
    table = run("benchmarks/speed/larger_than_memory.py", "sources", "--batches", "1", "--width", "0.05")
    torch = ["torch"] if importlib.util.find_spec("torch") else []
    named = re.findall(r"^\| (\w+) \|", table, re.MULTILINE)
    assert named == ["source", "memory", "folder", "tfrecord", "keras", *torch]
