"""The overhead of training on two devices or processes compared with one, with the same batch.

python benchmarks/speed/devices.py [NETWORK ...] [--rounds 4] --out out/devices.json

All take turns, as in compare.py; an epoch ends when the last process has finished. If the devices share the cores of
one, as on a machine without a GPU, nothing can be gained, and the difference is the overhead.
"""

import argparse
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys

from contender import NETWORKS, setting_of

from keras_dcgan.training.files import replacing

# label: backend, devices per process, processes
SETUPS = {
    "TensorFlow": ("tensorflow", 1, 1),
    "TensorFlow, two replicas": ("tensorflow", 2, 1),
    "JAX": ("jax", 1, 1),
    "JAX, two devices": ("jax", 2, 1),
    "JAX, two processes": ("jax", 1, 2),
    "PyTorch": ("torch", 1, 1),
    "PyTorch, two processes": ("torch", 1, 2),
}


class Group:
    """Processes that train one model and wait for their turn."""

    def __init__(self, network, steps, backend, devices, processes):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
        flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={devices}"
        command = [sys.executable, __file__, network, "--steps", str(steps), "--work"]
        self.members = [
            subprocess.Popen(
                [*command, str(devices), str(processes), str(i), address],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=os.environ | {"KERAS_BACKEND": backend, "XLA_FLAGS": flags},
            )
            for i in range(processes)
        ]
        self.seconds = []

    def work(self):
        """Trains for one epoch."""
        for process in self.members:
            print(file=process.stdin, flush=True)
        self.seconds.append(max(self._seconds_of(process) for process in self.members))

    def _seconds_of(self, process):
        for line in process.stdout:
            if not line.startswith("[Gloo]"):  # which tells of its connections here
                return float(line.split()[0])
        sys.exit("a process failed")

    def end(self):
        for process in self.members:
            process.stdin.close()
        for process in self.members:
            process.wait()


def compare(network, setups, steps, rounds):
    """Prints a table, and yields its rows."""
    setting = setting_of(network, steps)
    groups = {label: Group(network, setting.steps, *SETUPS[label]) for label in setups}
    turns = list(groups.values())
    for _ in range(1 + rounds):
        for group in turns:
            group.work()
        turns.reverse()
    for group in groups.values():
        group.end()
    print(f"\n| {network}, batch {setting.batch_size} | images per second | of one device | from | to |")
    print("|---|---:|---:|---:|---:|")
    for label, group in groups.items():
        seconds = group.seconds[1:]
        alone = groups[label.split(",")[0]].seconds[1:]
        ratios = sorted(one / own for one, own in zip(alone, seconds, strict=True))
        speed = setting.steps * setting.batch_size / statistics.median(seconds)
        figures = (statistics.median(ratios), ratios[0], ratios[-1])
        print(f"| {label} | {speed:.0f} |", *(f"{x:.2f} |" for x in figures), flush=True)
        yield {"network": network, "setup": label, "seconds": seconds}


def work(network, steps, devices, processes, process, address):
    """One process: trains its share of every batch on its share of the cores."""
    if processes > 1:
        os.sched_setaffinity(0, range(process, os.cpu_count(), processes))
    import contextlib

    import keras
    from starter import Starter

    backend = keras.backend.backend()
    scope = contextlib.nullcontext()
    if backend == "tensorflow" and devices > 1:
        import tensorflow as tf

        (cpu,) = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * devices)
        scope = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(devices)]).scope()
    elif backend == "jax" and devices * processes > 1:
        if processes > 1:
            keras.distribution.initialize(address, processes, process)
        keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))
    elif processes > 1:
        import torch

        torch.set_num_threads(len(os.sched_getaffinity(0)))
        torch.distributed.init_process_group("gloo", f"tcp://{address}", rank=process, world_size=processes)
    setting = setting_of(network, steps)
    with scope:
        gan, images = setting.model_and_images()
        gan.compile()
    images = images[process::processes]
    gan.fit(images, batch_size=setting.batch_size // processes, epochs=10_000, verbose=0, callbacks=[Starter()])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "networks", nargs="*", default=["mnist", "radford_28"], metavar="NETWORK", help=", ".join(NETWORKS)
    )
    parser.add_argument("--only", nargs="+", choices=SETUPS, default=list(SETUPS), metavar="SETUP")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--steps", type=int, help="steps per epoch; default: about twenty seconds")
    parser.add_argument("--out", type=pathlib.Path, help="JSON file for the results")
    parser.add_argument("--work", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        devices, processes, process, address = args.work
        work(args.networks[0], args.steps, int(devices), int(processes), int(process), address)
        sys.exit()
    missing = {label.split(",")[0] for label in args.only} - set(args.only)
    if missing:
        parser.error(f"--only: these are what the others are compared with: {', '.join(sorted(missing))}")
    results = []
    for network in args.networks:
        results += compare(network, args.only, args.steps, args.rounds)
        if args.out is not None:
            args.out.parent.mkdir(parents=True, exist_ok=True)
            with replacing(args.out) as temporary:
                temporary.write_text(json.dumps(results, indent=1) + "\n")
