"""Runs a script of the project as a user would: in this process, or in one of its own."""

import contextlib
import io
import os
import pathlib
import runpy
import subprocess
import sys

import keras

ROOT = pathlib.Path(__file__).parents[2]
LIMIT = 3600  # seconds: ends a process that hangs; on an idle machine none takes a tenth of it


def run(script, *options):
    """Runs a script to its end in this process, which has imported TensorFlow already, and returns what it prints."""
    path = ROOT / script
    printed, before = io.StringIO(), (sys.argv, sys.path[:])
    sys.argv = [str(path), *map(str, options)]
    sys.path.insert(0, str(path.parent))
    try:
        with contextlib.redirect_stdout(printed):
            runpy.run_path(str(path), run_name="__main__")
    except SystemExit as end:
        if end.code:
            raise
    finally:
        sys.argv, sys.path[:] = before
        keras.config.set_dtype_policy("float32")
    return printed.getvalue()


def start(script, *options):
    """Starts a script in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-u", ROOT / script, *map(str, options)],
        env=os.environ | {"KERAS_BACKEND": keras.backend.backend(), "PYTHONWARNINGS": "default"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_apart(script, *options):
    """Runs a script to its end in a process of its own and returns what it prints."""
    with start(script, *options) as process:
        output, errors = process.communicate(timeout=LIMIT)
    assert process.returncode == 0, errors
    return output


def run_killed(moment, script, *options):
    """Runs a script in a process that kills itself at a moment; see `killing.py`."""
    with start("tests/slow/killing.py", *moment, ROOT / script, *options) as process:
        _, errors = process.communicate(timeout=LIMIT)
    assert process.returncode == -9, errors
