"""Runs a script of the project as a user would: in this process, or in one of its own."""

import atexit
import contextlib
import io
import multiprocessing
import os
import pathlib
import runpy
import signal
import sys
import tempfile

import keras

ROOT = pathlib.Path(__file__).parents[2]
# Processes are forked from one that has imported the library, since that takes 4 to 10 seconds.
FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(["keras_dcgan"])


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


class Program:
    """A script that runs in a process of its own.

    Args:
        script: path, relative to the repository.
        *options: the script's arguments.
        moment: `(event, suffix, occurrence)`: the process kills itself, as by SIGKILL, at the given occurrence of an
            audit event for a file whose name ends in `suffix`. None to let it run.
        environment: dict of variables to set.
    """

    def __init__(self, script, *options, moment=None, environment=None):
        self.folder = tempfile.TemporaryDirectory()
        arguments = (str(ROOT / script), *map(str, options))
        self.process = FORKED.Process(target=_run, args=(arguments, moment, environment or {}, self.folder.name))
        self.process.start()

    def end(self):
        """Waits for the process; returns its exit code, minus the signal that ended it, and what it printed."""
        try:
            self.process.join()
        finally:
            self.process.kill()
        with self.folder as folder:
            output, errors = (pathlib.Path(folder, name).read_text() for name in ("stdout", "stderr"))
        return self.process.exitcode, output, errors


def _run(arguments, moment, environment, folder):
    os.environ.update(environment)
    for stream, name in ((sys.stdout, "stdout"), (sys.stderr, "stderr")):
        with open(f"{folder}/{name}", "w") as file:
            os.dup2(file.fileno(), stream.fileno())
    if moment is not None:
        _kill_at(*moment)
    sys.argv = list(arguments)
    sys.path.insert(0, os.path.dirname(arguments[0]))
    try:
        runpy.run_path(arguments[0], run_name="__main__")
    finally:
        atexit._run_exitfuncs()  # which multiprocessing leaves out, and JAX's processes wait for one another in


def _kill_at(event, suffix, occurrence):
    left = occurrence

    def hook(happened, arguments):
        nonlocal left
        if happened != event or arguments[1:2] in [("r",), ("rb",)]:
            return
        if any(str(argument).endswith(suffix) for argument in arguments[:2]):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def run_apart(script, *options):
    """Runs a script to its end in a process of its own and returns what it prints."""
    code, output, errors = Program(script, *options).end()
    assert code == 0, errors
    return output


def run_killed(moment, script, *options):
    """Runs a script in a process that kills itself at a moment; see `Program`."""
    code, _, errors = Program(script, *options, moment=moment).end()
    assert code == -signal.SIGKILL, errors
