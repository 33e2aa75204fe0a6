"""GifFile: an animated GIF to which frames are added while a GAN trains."""

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
        self._frames = self._split(filepath.read_bytes())[:keep] if keep and filepath.exists() else []
        self._length = 0  # bytes of the file as the last call of `add` left it

    def add(self, frame: Image.Image) -> None:
        """Adds a frame. If that raises OSError, the frame is written together with the next one."""
        self._frames.append(_encode(frame))
        try:
            if self._length and self.filepath.exists() and self.filepath.stat().st_size == self._length:
                self._append()
            else:
                self._rewrite()
        except OSError:
            self._length = 0
            raise

    def _append(self):
        before, last = self._frames[-2:]
        with self.filepath.open("r+b") as file:
            file.seek(self._length)
            new = _with_delay(last, max(self.duration, _HOLD))
            file.write(new[1:] + _END)
            file.flush()
            os.fsync(file.fileno())
            file.seek(self._length - 1)
            file.write(new[:1])
            file.seek(self._length - 1 - len(before))
            file.write(_with_delay(before, self.duration)[:8])
        self._length += len(last)

    def _rewrite(self):
        *first, last = self._frames
        frames = [*(_with_delay(frame, self.duration) for frame in first), _with_delay(last, max(self.duration, _HOLD))]
        with files.replacing(self.filepath) as temporary:
            self._length = temporary.write_bytes(b"".join([self._header, *frames, _END]))

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


def _with_delay(frame, duration):
    return frame[:4] + struct.pack("<H", duration // 10) + frame[6:]
