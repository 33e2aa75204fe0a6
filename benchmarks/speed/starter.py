"""How compare.py starts an epoch in another process, and hears when it is over."""

import resource
import sys
import time

import keras


class Starter(keras.callbacks.Callback):
    """Lets a training wait before every epoch; as a callback, the last of all, it does so for `fit`."""

    def go(self):
        """Waits for a line on standard input; False when there are no more."""
        going = bool(sys.stdin.readline())
        self.start = time.perf_counter()
        return going

    def done(self):
        """Prints the seconds since then, and the process's peak memory so far in MB."""
        seconds = time.perf_counter() - self.start
        print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, flush=True)

    def on_epoch_begin(self, epoch, logs=None):
        if not self.go():
            sys.exit()

    def on_epoch_end(self, epoch, logs=None):
        self.done()
