"""Speed and memory of `fit` and `generate` compared with hand-written loops on the same networks.

python benchmarks/speed/compare.py [PART ...] [--rounds 5] --out out/speed.json

Every contender is a process of its own. After a warm-up, all take turns, forward and backward, so that a slow phase of
the machine affects all of them. Tables: images per second (median of the rounds); how many times as fast the first row
is (median, lowest and highest of the rounds); peak memory in MB after the first round, and its growth until the last
(from /proc, on Linux).
"""

import argparse
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys

from contender import NETWORKS, SMALL, setting_of

from keras_dcgan.training.files import replacing

FOLDER = pathlib.Path(__file__).parent
# label: backend and arguments of contender.py
TRAINING = {
    "fit": ("tensorflow", "fit"),
    "fit, mixed_bfloat16": ("tensorflow", "fit", "--dtype-policy", "mixed_bfloat16"),
    "fit, alternating": ("tensorflow", "alternating"),
    "fit, 16 steps at once": ("tensorflow", "fit", "--steps-per-execution", "16"),
    "fit, jit_compile": ("tensorflow", "fit", "--jit-compile"),
    "bare loop": ("tensorflow", "bare_loop"),
    "bare loop on JAX": ("jax", "bare_loop"),
    "bare loop on PyTorch": ("torch", "bare_loop"),
    "TensorFlow's tutorial": ("tensorflow", "tensorflow_tutorial"),
    "Keras's example": ("tensorflow", "keras_example"),
    "PyTorch's example": ("torch", "pytorch_example"),
    "PyTorch's example, bfloat16": ("torch", "pytorch_example", "--dtype-policy", "mixed_bfloat16"),
    "PyTorch's example, channels last": ("torch", "pytorch_example", "--channels-last"),
    "fit on PyTorch": ("torch", "fit"),
    "fit on PyTorch, mixed_bfloat16": ("torch", "fit", "--dtype-policy", "mixed_bfloat16"),
    "a loop in JAX": ("jax", "jax_loop"),
    "a loop in JAX, bfloat16": ("jax", "jax_loop", "--dtype-policy", "mixed_bfloat16"),
    "fit on JAX": ("jax", "fit"),
    "fit on JAX, mixed_bfloat16": ("jax", "fit", "--dtype-policy", "mixed_bfloat16"),
    "fit on JAX, 16 steps at once": ("jax", "fit", "--steps-per-execution", "16"),
}
SAMPLING = {"generate": ("tensorflow", "generate")} | {
    f"predict, {size} at once": ("tensorflow", "predict", "--batch-size", str(size)) for size in (32, 128, 512)
}
OTHERS = ("sampling", "memory", "import")

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument(
    "parts",
    nargs="*",
    default=(*SMALL, *OTHERS),
    metavar="PART",
    help=f"{', '.join((*NETWORKS, *OTHERS))}; default: {', '.join((*SMALL, *OTHERS))}",
)
parser.add_argument("--only", nargs="+", choices=TRAINING, default=list(TRAINING), metavar="CONTENDER")
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--steps", type=int, help="steps per epoch; default: about twenty seconds")
parser.add_argument("--samples", type=int, default=10_000, help="of the part sampling")
parser.add_argument("--images", type=int, default=60_000, help="of the part memory, in an epoch")
parser.add_argument("--out", type=pathlib.Path, help="JSON file for the results")
args = parser.parse_args()
results = []


class Contender:
    """A process that waits for its turn."""

    def __init__(self, network, backend, name, *options):
        self.process = subprocess.Popen(
            [sys.executable, FOLDER / "contender.py", name, network, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"KERAS_BACKEND": backend},
        )
        self.seconds, self.memory = [], []

    def work(self):
        """Runs its work once."""
        print(file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline().split()
        if not answer:
            sys.exit(f"{self.process.args} failed")
        self.seconds.append(float(answer[0]))
        self.memory.append(float(answer[1]))

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def table(title, *columns):
    print(f"\n| {title} |", *(f"{name} |" for name in columns))
    print("|---|" + "---:|" * len(columns), flush=True)


def record(part, label, **figures):
    results.append({"part": part, "contender": label} | figures)
    if args.out is not None:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        with replacing(args.out) as temporary:
            temporary.write_text(
                json.dumps({"arguments": vars(args), "results": results}, default=str, indent=1) + "\n"
            )


def speeds(part, title, network, contenders, images):
    """All contenders in turn."""
    processes = {label: Contender(network, *command) for label, command in contenders.items()}
    turns = list(processes.values())
    for _ in range(1 + args.rounds):
        for process in turns:
            process.work()
        turns.reverse()
    first = next(iter(processes.values()))
    table(title, "images per second", "the first line is times as fast", "from", "to", "MB", "MB later")
    for label, process in processes.items():
        process.end()
        seconds, memory = process.seconds[1:], process.memory
        ratios = sorted(own / other for own, other in zip(seconds, first.seconds[1:], strict=True))
        figures = (statistics.median(ratios), ratios[0], ratios[-1])
        cells = [f"{images / statistics.median(seconds):.0f}", *(f"{x:.2f}" for x in figures)]
        print(
            f"| {label} |", *(f"{x} |" for x in cells), f"{memory[0]:.0f} | {memory[-1] - memory[0]:.0f} |", flush=True
        )
        record(part, label, images=images, seconds=seconds, peak_memory=memory)


def training(network):
    setting = setting_of(network, args.steps)
    contenders = {label: (*TRAINING[label], "--steps", str(setting.steps)) for label in args.only}
    speeds(network, f"{network}, batch {setting.batch_size}", network, contenders, setting.steps * setting.batch_size)


def memory():
    batch_size = NETWORKS["radford_28"].batch_size
    steps = math.ceil(args.images / batch_size)
    table(f"an epoch of {steps * batch_size:,} images, 28×28", "peak memory in MB")
    for label in ("fit", "TensorFlow's tutorial"):
        contender = Contender("radford_28", *TRAINING[label], "--steps", str(steps))
        contender.work()
        contender.end()
        print(f"| {label} | {contender.memory[0]:.0f} |", flush=True)
        record("memory", label, peak_memory=contender.memory)


def start_up():
    code = "import keras, time; start = time.perf_counter(); import keras_dcgan; print(time.perf_counter() - start)"
    seconds = [float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(args.rounds)]
    table("import", "ms")
    print(f"| keras_dcgan, after keras | {1000 * statistics.median(seconds):.0f} |", flush=True)
    record("import", "keras_dcgan", seconds=seconds)


for part in args.parts:
    if part == "memory":
        memory()
    elif part == "import":
        start_up()
    elif part == "sampling":
        contenders = {label: (*command, "--images", str(args.samples)) for label, command in SAMPLING.items()}
        speeds(part, f"{args.samples:,} samples of mnist", "mnist", contenders, args.samples)
    else:
        training(part)
