"""Signals that wait until a step has finished."""

import contextlib
import signal
import threading

# Ctrl-C and a notebook's stop button; the others are used for time limits and by schedulers
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM", "SIGUSR1", "SIGUSR2")
_SIGNALS = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]


@contextlib.contextmanager
def deferred():
    """Runs the body to its end before the Python handlers of signals, such as the one that raises KeyboardInterrupt.

    Outside the main thread, which is the only one that handles signals, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: handler for number in _SIGNALS if callable(handler := signal.getsignal(number))}
    received = []
    try:
        for number in handlers:
            signal.signal(number, lambda *arguments: received.append(arguments))
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for number, frame in received:
            handlers[number](number, frame)
