"""GifFile: an animated GIF to which frames are added while a GAN trains."""

import contextlib
import itertools
import os
import pathlib
import struct

from PIL import GifImagePlugin, Image

from keras_dcgan import images
from keras_dcgan.training import files

_GREY = bytes(itertools.chain.from_iterable((i, i, i) for i in range(256)))
_LOOP = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"  # forever
_END = b"\x3b"
_HOLD = 1000  # milliseconds
_DELAY = slice(4, 6)  # of a frame, which begins with its graphic control extension


class GifFile:
    """An endless GIF that grows. Adding a frame takes the same time, however many frames there are.

    The file is complete and playable at any time, even if the process is killed: a frame is written behind the end of
    the GIF, and becomes a part of it when one byte, the end mark, is overwritten. The last frame is held for a second.

    Args:
        filepath: `pathlib.Path`.
        size: `(width, height)` of the frames.
        duration: int, milliseconds per frame, a multiple of 10.
        keep: int, number of frames of an existing file that are kept.

    Raises:
        ValueError: `keep` is not 0, and the file was not written by this class or its frames have another size.

    Reference:
        CompuServe, Graphics Interchange Format, version 89a, 1990.
    """

    def __init__(self, filepath: pathlib.Path, size: tuple[int, int], duration: int, keep: int = 0) -> None:
        self.filepath = filepath
        self.duration = duration
        self._header = b"GIF89a" + struct.pack("<HHBBB", *size, 0b11110111, 0, 0) + _GREY + _LOOP
        self._count = keep if filepath.exists() else 0  # frames in the file
        self._count = len(self._frames())
        self._length = 0  # bytes of the file after the last call of `add`; 0 if it must be written anew
        self._pending: list[bytes] = []  # frames that are not yet in the file

    def add(self, frame: Image.Image) -> None:
        """Adds a frame. If that raises OSError, the frame is written together with the next one."""
        self._pending.append(_encode(frame))
        if self._length and self.filepath.exists() and self.filepath.stat().st_size == self._length:
            self._append()
        else:
            self._rewrite()
        self._count += len(self._pending)
        self._last = len(self._pending[-1])
        self._pending = []

    def _append(self):
        frames = self._with_delays(self._pending)
        with self.filepath.open("r+b") as file:
            file.seek(self._length)
            file.write(frames[1:] + _END)
            file.flush()
            os.fsync(file.fileno())
            file.seek(self._length - 1)
            file.write(frames[:1])
            file.seek(self._length - 1 - self._last + _DELAY.start)
            file.write(struct.pack("<H", self.duration // 10))
        self._length += len(frames)

    def _rewrite(self):
        frames = []
        with contextlib.suppress(ValueError, FileNotFoundError):  # somebody has changed or deleted the file
            frames = self._frames()
        with files.replacing(self.filepath) as temporary:
            content = self._header + self._with_delays([*frames, *self._pending]) + _END
            self._length = temporary.write_bytes(content)

    def _frames(self):
        """The encoded frames of the file, without those that are to be replaced."""
        return self._split(self.filepath.read_bytes())[: self._count] if self._count else []

    def _with_delays(self, frames):
        delays = [self.duration] * (len(frames) - 1) + [max(self.duration, _HOLD)]
        return b"".join(
            frame[: _DELAY.start] + struct.pack("<H", delay // 10) + frame[_DELAY.stop :]
            for frame, delay in zip(frames, delays, strict=True)
        )

    def _split(self, content):
        """The encoded frames of a file."""
        start, frames = len(self._header), []
        if content[:start] != self._header:
            raise ValueError("it was not written by GifSnapshot, or its frames have another size")
        try:
            while content[start : start + 1] != _END:
                end = start + 18  # graphic control extension, and image descriptor
                if content[end - 1] & 0x80:
                    end += len(_GREY)  # color table
                end += 1
                while content[end]:  # blocks of compressed pixels
                    end += content[end] + 1
                frames.append(content[start : end + 1])
                start = end + 1
        except IndexError:
            raise ValueError("its end is missing") from None
        return frames


def _encode(frame):
    """A frame in GIF's format; its colors, if there are more than 256, are chosen with an octree, the fastest way."""
    frame = images.flatten(frame)
    if frame.mode == "RGB":
        few = frame.getcolors(256) is not None
        frame = frame.quantize(256, method=Image.Quantize.MEDIANCUT if few else Image.Quantize.FASTOCTREE)
    return b"".join(GifImagePlugin.getdata(frame, duration=10, include_color_table=frame.mode == "P"))
