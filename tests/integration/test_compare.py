"""benchmarks/speed/compare.py: contenders do their work in turn, and the figures follow from their seconds."""

import json
import re

import pytest
from conftest import BACKEND
from test_examples import run


@pytest.mark.skipif(BACKEND != "tensorflow", reason="it starts processes on the backends that it compares")
def test_contenders_take_turns(tmp_path):
    labels = ["fit", "our step in a bare loop", "TensorFlow's tutorial", "Keras's example"]
    out = tmp_path / "new" / "speed.json"
    options = ["--rounds", "2", "--steps", "2", "--out", out]
    table = run("benchmarks/speed/compare.py", "radford_28", "import", "--only", *labels, *options)
    *rows, imported = json.loads(out.read_text())["results"]
    assert [row["contender"] for row in rows] == labels
    for row in rows:
        speed, ratio = re.search(rf"^\| {row['contender']} \| (\d+) \| ([\d.]+) \|", table, re.MULTILINE).groups()
        assert len(row["seconds"]) == 2
        assert int(speed) == pytest.approx(2 * 64 / (sum(row["seconds"]) / 2), abs=0.6)
        ratios = [own / first for own, first in zip(row["seconds"], rows[0]["seconds"], strict=True)]
        assert float(ratio) == pytest.approx(sum(ratios) / 2, abs=0.006)
        assert row["peak_memory"] == sorted(row["peak_memory"])
    assert min(imported["seconds"]) > 0
