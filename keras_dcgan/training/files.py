"""Files that are written whole or not at all."""

import contextlib
import glob
import os
import pathlib
import re
import secrets
import tempfile
import time
from collections.abc import Iterator


@contextlib.contextmanager
def replacing(filepath: str | os.PathLike[str]) -> Iterator[pathlib.Path]:
    """Yields a temporary path beside `filepath` that takes its place if the body succeeds.

    `filepath` always holds the old file or the new one, whole, even after a power cut. A killed process leaves a
    temporary file, whose name begins with a dot; the next file of the same name removes it when it is an hour old.

    Args:
        filepath: path; its folder must exist.

    Yields:
        `pathlib.Path` with the same ending, free to be written.
    """
    filepath = pathlib.Path(filepath)
    if not filepath.parent.is_dir():
        raise FileNotFoundError(
            "`filepath` is in a folder that does not exist: create the folder first. "
            f"Received: filepath={str(filepath)!r}"
        )
    for leftover in filepath.parent.glob(f".{glob.escape(filepath.name)}.*"):
        with contextlib.suppress(OSError):  # another process may have been faster
            if time.time() - leftover.stat().st_mtime > 3600:
                leftover.unlink()
    suffix = "".join(filepath.suffixes[-2:])  # .weights.h5 counts as one ending
    temporary = filepath.with_name(f".{filepath.name}.{secrets.token_hex(8)}{suffix}")
    try:
        temporary.touch(exist_ok=False)  # not a private file of tempfile: it has the permissions of any other
        yield temporary
        _write_to_disk(temporary)
        os.replace(temporary, filepath)
        if os.name == "posix":  # elsewhere a folder cannot be opened
            _write_to_disk(filepath.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing_folder(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields a temporary folder that takes the place of `folder` if the body succeeds."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as temporary:
        new, old = pathlib.Path(temporary, "new"), pathlib.Path(temporary, "old")
        yield new
        if folder.exists():
            os.replace(folder, old)
        os.replace(new, folder)


def make_folder(name: str, folder: pathlib.Path) -> None:
    """Creates a folder and its parents. `name` is the argument that the error names."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"`{name}`: the folder cannot be created; choose another. Received: {str(folder)!r} ({error})"
        ) from error


def safe_name(name: str) -> str:
    """A name without the characters that file names cannot contain or end in."""
    return re.sub(r'[<>:"/\\|?*]|[. ]+$', "_", name)


def _write_to_disk(path):
    """Waits until the operating system has written a file, or the names in a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
