"""How compare.py starts an epoch in another process and waits for its end."""

import pathlib
import re
import sys
import time

import keras


class Starter(keras.callbacks.Callback):
    """Makes a training wait before every epoch; as the last callback, it does so for `fit`."""

    def go(self):
        """Waits for a line on standard input, and returns False at its end."""
        going = bool(sys.stdin.readline())
        self.start = time.perf_counter()
        return going

    def done(self):
        """Prints the seconds since then, and the peak memory of the process in MB."""
        seconds = time.perf_counter() - self.start
        # not getrusage: what it calls the peak begins with the memory of the process that started this one
        (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", pathlib.Path("/proc/self/status").read_text())
        print(seconds, int(peak) / 1024, flush=True)

    def on_epoch_begin(self, epoch, logs=None):
        if not self.go():
            sys.exit()

    def on_epoch_end(self, epoch, logs=None):
        self.done()
