"""The notebooks: what is stored in them, and that they run from a fresh kernel, on few images."""

import json
import re

import nbclient
import nbformat
import numpy as np
import pytest
from scripts import ROOT

import keras_dcgan

pytestmark = pytest.mark.once
FOLDER = ROOT / "examples" / "notebooks"
FEW = {
    "mnist": {
        "DATA": '"few.npz"',
        "IMAGES": 64,
        "EPOCHS": 2,
        "SMALL_IMAGES": 64,
        "SMALL_EPOCHS": 1,
        "SMALL_WIDTH": 0.05,
    },
    "conditional": {"DATA": '"few.npz"', "EPOCHS": 2, "WIDTH": 0.1, "CLASSIFIER_EPOCHS": 1},
    "own_images": {"FOLDER": None, "SIZE": 32, "EPOCHS": 1, "WIDTH": 0.1},
}
notebooks = pytest.mark.parametrize("name", FEW)


def read(name):
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def parameters(notebook):
    (cell,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ()))
    return cell


def test_all_notebooks_are_tested():
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == set(FEW)


@notebooks
def test_stored_outputs_are_those_of_one_run_and_small(name):
    notebook = read(name)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [*range(1, 1 + len(code))]
    outputs = [output for cell in code for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
    assert sum("image/png" in output.get("data", ()) for output in outputs) > 3
    assert sum("data:image/gif" in json.dumps(output) for output in outputs) == 1
    assert (FOLDER / f"{name}.ipynb").stat().st_size < 2_000_000
    sources = [cell.source for cell in notebook.cells]
    assert f"blob/main/examples/notebooks/{name}.ipynb" in sources[0]  # the Colab badge
    assert '%pip install -q "keras-dcgan[notebooks]"' in sources[1]


@notebooks
def test_runs_from_a_fresh_kernel(name, tmp_path):
    images, labels = data = keras_dcgan.datasets.load("fashion_mnist_10k")
    few = {"x_train": images[:200], "y_train": labels[:200], "x_test": images[200:300], "y_test": labels[200:300]}
    np.savez(tmp_path / "few.npz", **few, class_names=data.class_names)
    notebook = read(name)
    cell = parameters(notebook)
    assert re.findall(r"^(\w+) =", cell.source, re.MULTILINE) == [*FEW[name]]
    cell.source = "\n".join(f"{key} = {value}" for key, value in FEW[name].items())
    nbclient.NotebookClient(
        notebook, timeout=None, startup_timeout=300, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    (fit,) = (cell for cell in notebook.cells if "callbacks.Dashboard(" in cell.source and "fit(" in cell.source)
    (output,) = (output for output in fit.outputs if output.output_type != "stream")  # one fit, one output
    assert "<progress" in output.data["text/html"]
    assert "<svg" in output.data["text/html"]
