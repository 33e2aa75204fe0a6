"""TensorBoardSamples: samples in TensorBoard."""

import io
import os
import pathlib
import time
from typing import Any

from numpy.typing import ArrayLike
from PIL import Image

from keras_dcgan.callbacks.sample_grid import SampleGrid


class TensorBoardSamples(SampleGrid):
    """Writes a grid of samples per epoch for the Images tab of TensorBoard.

    Use it beside `keras.callbacks.TensorBoard`, which writes the metrics, with the same `log_dir`. Requires the package
    `tensorboard`.

    Args:
        log_dir: path of the folder that TensorBoard shows. The samples are the run `samples` in it.
        num_images, seed, labels, every, scale, captions: as in `SampleGrid`.

    Raises:
        ValueError, TypeError: an argument is invalid.
        ImportError: `tensorboard` is not installed.

    Example:
        >>> callbacks = [keras.callbacks.TensorBoard("logs"), keras_dcgan.callbacks.TensorBoardSamples("logs")]
        >>> gan.fit(images, epochs=10, callbacks=callbacks)
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        num_images: int = 25,
        seed: int = 0,
        labels: ArrayLike | None = None,
        every: int = 1,
        *,
        scale: int = 2,
        captions: bool = True,
    ) -> None:
        super().__init__(num_images, seed, labels, every, scale=scale, captions=captions)
        try:
            from tensorboard.compat.proto import event_pb2, summary_pb2
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
        except ImportError as error:
            raise ImportError(
                f"`TensorBoardSamples` needs TensorBoard: pip install tensorboard. Received: {error}"
            ) from error
        self.log_dir = pathlib.Path(log_dir)
        self._event, self._summary, self._make_writer = event_pb2.Event, summary_pb2.Summary, EventFileWriter
        self._writer: Any = None

    def on_samples(self, epoch: int, image: Image.Image) -> None:
        """Writes the grid as an image of the step `epoch`."""
        if self._writer is None:
            self._writer = self._make_writer(str(self.log_dir / "samples"))
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        picture = self._summary.Image(
            height=image.height,
            width=image.width,
            colorspace=len(image.getbands()),
            encoded_image_string=buffer.getvalue(),
        )
        summary = self._summary(value=[self._summary.Value(tag="samples", image=picture)])
        self._writer.add_event(self._event(step=epoch, wall_time=time.time(), summary=summary))
        self._writer.flush()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Closes the file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
