"""Breaks the library in one place at a time and checks that the fast tests notice.

    python tests/mutations.py [NAME ...]

Each mutation replaces a piece of a copy of the library and runs the test files that should fail, with `-x`. Prints a
table; exits with 1 if a mutation survives or a piece is no longer found. Needs the extras `test` and `jax`.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parents[1]


class Mutation(NamedTuple):
    file: str
    old: str
    new: str
    tests: str
    backend: str = "tensorflow"


MUTATIONS = {
    "a sign in a loss": Mutation(
        "losses.py",
        "ops.mean(ops.relu(1 - real_logits))",
        "ops.mean(ops.relu(1 + real_logits))",
        "test_losses.py",
    ),
    "a missing stop_gradient": Mutation(
        "dcgan.py",
        "d_results = self._update_discriminator(real, ops.stop_gradient(fake), labels)",
        "d_results = self._update_discriminator(real, fake, labels)",
        "test_steps.py",
        "jax",
    ),
    "random states left out of a file": Mutation(
        "training/checkpoints.py",
        'store[f"random_state_{i}"] = variable.numpy()',
        'store[f"random_state_{i}"] = 0 * variable.numpy()',
        "test_dcgan.py",
    ),
    "a check of the value range removed": Mutation(
        "training/validation.py",
        "if smallest < low - slack or largest > high + slack:",
        "if False:",
        "test_checks.py",
    ),
    "a wrong axis": Mutation(
        "penalties.py",
        "ops.sum(ops.square(backend.input_gradient(discriminate, images)), axis=(1, 2, 3))",
        "ops.sum(ops.square(backend.input_gradient(discriminate, images)), axis=(0, 1, 2))",
        "test_penalties.py",
    ),
    "an off-by-one in the animation": Mutation(
        "callbacks/gif_snapshot.py",
        "if trained % self.every == 0:",
        "if (trained - 1) % self.every == 0:",
        "test_gif_snapshot.py",
    ),
    "a label ignored": Mutation(
        "conditional_dcgan.py",
        "return self._generator_for(training)([z, self._as_input(labels, self.generator)], training=training)",
        "return self._generator_for(training)([z, self._as_input(0 * labels, self.generator)], training=training)",
        "test_conditional_dcgan.py",
    ),
    "a seed reused": Mutation(
        "dcgan.py",
        "seed = self.seed_generator if seed is None else seed",
        "seed = 0 if seed is None else seed",
        "test_dcgan.py",
    ),
    "the optimizers swapped": Mutation(
        "dcgan.py",
        "self.g_opt, self.d_opt, self.loss = of_generator, of_discriminator, loss",
        "self.g_opt, self.d_opt, self.loss = of_discriminator, of_generator, loss",
        "test_dcgan.py",
    ),
    "the moving average not updated": Mutation("dcgan.py", "self._update_ema()", "pass", "test_averaging.py"),
}


def run(name, mutation):
    """The first test that fails under a mutation, or None."""
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder)
        for part in ("keras_dcgan", "tests", "benchmarks"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        path = copy / "keras_dcgan" / mutation.file
        source = path.read_text()
        if source.count(mutation.old) != 1:
            sys.exit(f"{name}: {mutation.file} has {source.count(mutation.old)} places like {mutation.old!r}")
        path.write_text(source.replace(mutation.old, mutation.new))
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", f"tests/{mutation.tests}"],
            cwd=copy,
            env=os.environ | {"KERAS_BACKEND": mutation.backend, "PYTHONPATH": folder},
            capture_output=True,
            text=True,
        )
    failed = re.search(r"^FAILED \S+::(\w+)", done.stdout, re.MULTILINE)
    if done.returncode == 1 and failed:
        return failed[1]
    if done.returncode:
        sys.exit(f"{name}: pytest ended with {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return None


def main(names):
    survived = []
    print("| mutation | file | first test to fail |\n|---|---|---|")
    for name in names:
        test = run(name, MUTATIONS[name])
        print(f"| {name} | {MUTATIONS[name].file} | {test or '**none**'} |", flush=True)
        if test is None:
            survived.append(name)
    sys.exit(f"no test notices: {', '.join(survived)}" if survived else 0)


if __name__ == "__main__":
    main(sys.argv[1:] or MUTATIONS)
