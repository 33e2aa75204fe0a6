"""GifSnapshot: an animation of samples."""

import base64
import os
import pathlib
import warnings
from typing import Any

from numpy.typing import ArrayLike
from PIL import Image

from keras_dcgan import backend, images
from keras_dcgan.callbacks.gif_file import GifFile
from keras_dcgan.callbacks.sample_grid import SampleGrid
from keras_dcgan.training import files


class GifSnapshot(SampleGrid):
    """Saves an animated GIF of samples from fixed latent vectors, one frame per epoch.

    The first frame shows the untrained generator, and the last one is held for a second. The file is complete and
    playable after every epoch. An existing file is replaced if the model is new, and continued if the model has been
    trained before, by an earlier `fit` or before it was saved; frames of epochs that are trained again are replaced. If
    the file cannot be written (disk full, folder deleted), a warning is issued once and training continues; the next
    file that can be written contains all frames.

    As the last value of a notebook cell, the callback shows the animation.

    Args:
        filepath: path that ends in .gif. Its folder is created if needed.
        num_images, seed, labels, every, scale, captions: as in `SampleGrid`.
        duration: int, milliseconds per frame, a multiple of 10.
        frames_dir: folder in which every frame is also saved as a PNG file: `epoch_0000.png`, …

    Raises:
        ValueError, TypeError: an argument is invalid; when training starts, a folder cannot be created, or a file to be
            continued was not written with the same arguments.

    Example:
        >>> gan.fit(images, epochs=10, callbacks=[keras_dcgan.callbacks.GifSnapshot("samples.gif")])
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        num_images: int = 25,
        seed: int = 0,
        labels: ArrayLike | None = None,
        every: int = 1,
        *,
        duration: int = 200,
        scale: int = 2,
        captions: bool = True,
        frames_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__(num_images, seed, labels, every, scale=scale, captions=captions)
        self.filepath = pathlib.Path(filepath)
        if self.filepath.suffix.lower() != ".gif":
            raise ValueError(f"`filepath` must end in .gif. Received: filepath={str(filepath)!r}")
        images.check_duration(duration)
        self.duration = duration
        self.frames_dir = None if frames_dir is None else pathlib.Path(frames_dir)
        self._file: GifFile | None = None
        self._reported = False

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Draws the latent vectors and creates the folders."""
        for name, folder in (("filepath", self.filepath.parent), ("frames_dir", self.frames_dir)):
            if folder is not None and not backend.process_id():
                files.make_folder(name, folder)
        self._file = None
        super().on_train_begin(logs)

    def on_samples(self, epoch: int, image: Image.Image) -> None:
        """Adds a frame, unless training starts between two frames."""
        if self._file is None:
            self._file = self._open(-(-epoch // self.every), image.size)
        if epoch % self.every:
            return
        try:
            self._file.add(image)
            if self.frames_dir is not None:
                images.save(image, self.frames_dir / f"epoch_{epoch:04d}.png")
        except OSError as error:
            if not self._reported:
                self._reported = True
                warnings.warn(
                    f"GifSnapshot could not write the file; training continues and further warnings are suppressed. "
                    f"Received: {error}",
                    stacklevel=2,
                )

    def _open(self, keep, size):
        """The file, with the frames of earlier epochs."""
        try:
            return GifFile(self.filepath, size, self.duration, keep)
        except ValueError as error:
            raise ValueError(
                "`filepath` exists but cannot be continued: move it away, or pass the arguments it was written with. "
                f"Received: filepath={str(self.filepath)!r} ({error})"
            ) from error

    def _repr_html_(self) -> str:
        """The animation, for a notebook."""
        if not self.filepath.exists():
            return f"GifSnapshot: {self.filepath} is written when training starts."
        content = base64.b64encode(self.filepath.read_bytes()).decode()
        return f'<img src="data:image/gif;base64,{content}" alt="Samples, one frame per epoch">'
