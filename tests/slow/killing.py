"""Runs a script and kills its process, as by SIGKILL, when it is about to touch a file.

    python killing.py EVENT SUFFIX OCCURRENCE SCRIPT [OPTION ...]

EVENT is an audit event, SUFFIX the end of the file's name; the process dies at the OCCURRENCE-th such event.
"""

import os
import pathlib
import runpy
import signal
import sys

event, suffix, occurrence, script = sys.argv[1:5]
left = int(occurrence)


def hook(happened, arguments):
    global left
    if happened != event or arguments[1:2] in [("r",), ("rb",)]:
        return
    if any(str(argument).endswith(suffix) for argument in arguments[:2]):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


sys.addaudithook(hook)
sys.argv = sys.argv[4:]
sys.path[0] = str(pathlib.Path(script).parent)
runpy.run_path(script, run_name="__main__")
