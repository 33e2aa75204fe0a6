"""Files that are written whole or not at all."""

import contextlib
import glob
import os
import pathlib
import tempfile
import time
from collections.abc import Iterator


@contextlib.contextmanager
def replacing(filepath: str | os.PathLike[str]) -> Iterator[pathlib.Path]:
    """Gives a temporary path beside `filepath` that takes its place if the body ends well.

    Whoever reads `filepath` finds the old file or the new one, whole, and never a part. A process that is killed leaves
    a temporary file, whose name begins with a dot; the next file of the name removes it when it is an hour old.

    Args:
        filepath: path; its folder must exist.

    Yields:
        `pathlib.Path` with the same ending, free to be written.
    """
    filepath = pathlib.Path(filepath)
    if not filepath.parent.is_dir():
        raise FileNotFoundError(f"The folder of the file does not exist: make it first. Received: {str(filepath)!r}")
    for leftover in filepath.parent.glob(f".{glob.escape(filepath.name)}.*"):
        with contextlib.suppress(OSError):  # another process may have been faster
            if time.time() - leftover.stat().st_mtime > 3600:
                leftover.unlink()
    suffix = "".join(filepath.suffixes[-2:])  # .weights.h5 counts as one ending
    handle, name = tempfile.mkstemp(suffix=suffix, prefix=f".{filepath.name}.", dir=filepath.parent)
    os.close(handle)
    temporary = pathlib.Path(name)
    try:
        yield temporary
        # mkstemp's files are private; a file that is meant to be shared has the permissions of any other
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        os.replace(temporary, filepath)
    finally:
        temporary.unlink(missing_ok=True)
