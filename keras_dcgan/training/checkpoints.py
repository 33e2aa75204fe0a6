"""Checkpoints that are complete, exact and verified."""

import contextlib
import io
import json
import math
import os
import pathlib
import shutil
import sys
import tempfile
import zipfile
import zlib
from typing import Any

import h5py
import keras
import numpy as np

from keras_dcgan import backend
from keras_dcgan.backend.random_states import random_states
from keras_dcgan.training import files

_WEIGHTS = "model.weights.h5"  # in a .keras file
_DIGEST = "keras_dcgan_crc32"  # attribute of a weights file: HDF5 has no checksum of its own


class CheckpointedModel(backend.Trainer):
    """A Keras model with complete, exact and verified checkpoints.

    Complete: a file is written to a temporary name and moved into place. Exact: it holds the states of all random
    generators, including those of dropout layers, beside weights and optimizers. Verified: weights that are not finite
    are not saved, a damaged file is not loaded, and a model is unchanged if loading fails.
    """

    epochs_trained = 0  # of all calls of fit(), also before the model was saved
    _epochs = None  # during fit(): number of its epochs finished

    def _forget_epoch(self):
        """Resets the epoch after `fit`."""
        self._epochs = None
        self._initial_epoch = None  # BackupAndRestore sets it, and in Keras 3.15 the next fit() would start there, too

    def save(
        self, filepath: str | os.PathLike[str], overwrite: bool = True, zipped: bool | None = None, **kwargs: Any
    ) -> None:
        """Saves the whole model, as `keras.Model.save` does. An existing file is replaced atomically.

        If several processes train one model, only the first one writes.

        Raises:
            ValueError: a weight is NaN or infinite, or the path does not end in .keras.
            OSError: the file cannot be written.
        """
        whole = zipped is not False and _is_local_file(filepath, ".keras")
        if not whole and zipped is not False and not str(filepath).startswith("hf://"):
            check_suffix(filepath, (".keras",))
        self._save(super().save, filepath, overwrite, whole, zipped=zipped, **kwargs)

    def save_weights(self, filepath: str | os.PathLike[str], overwrite: bool = True, **kwargs: Any) -> None:
        """Saves weights, optimizers and random states, as `keras.Model.save_weights` does, but atomically.

        If several processes train one model, only the first one writes.

        Raises:
            ValueError: a weight is NaN or infinite, or the path does not end in .weights.h5 or .weights.json.
            OSError: the file cannot be written.
        """
        check_suffix(filepath, (".weights.h5", ".weights.json"))
        self._save(super().save_weights, filepath, overwrite, _is_local_file(filepath, ".weights.h5"), **kwargs)

    def load_weights(self, filepath: str | os.PathLike[str], skip_mismatch: bool = False, **kwargs: Any) -> None:
        """Loads weights, optimizers and random states: `keras.Model.load_weights`, but completely or not at all.

        Args:
            filepath: path that ends in .weights.h5 or .keras, written by `save_weights` or `save`.
            skip_mismatch: bool, as in Keras: True loads only the weights that fit.
            **kwargs: as in Keras.

        Raises:
            FileNotFoundError: the file does not exist.
            OSError: the file is damaged.
            ValueError: the file belongs to another model. The model is unchanged after any error.
        """
        if _is_local_file(filepath, (".weights.h5", ".keras")):
            widest = 8 * max(math.prod(v.shape) for v in self._state())  # bytes, in float64
            _check_file(pathlib.Path(filepath), None if skip_mismatch else widest)
        with backend.restored(self), backend.local_scope(), _weights_file(filepath) as weights:
            attributes, values = dict(self.__dict__), [np.array(v.numpy()) for v in self._state()]
            try:
                super().load_weights(weights, skip_mismatch=skip_mismatch, **kwargs)
            except BaseException:
                self.__dict__.update(attributes)
                for variable, value in zip(self._state(), values, strict=True):
                    variable.assign(value)
                raise

    def set_state_tree(self, state_tree: dict[str, Any]) -> None:
        """Sets variables by name: `keras.Model.set_state_tree`, but refuses unknown names.

        Orbax checkpoints are loaded by this method.

        Raises:
            ValueError: the names do not match the model. Nothing has changed then.
        """
        own, given = (
            {
                ".".join(map(str, path))
                for path, _ in keras.tree.flatten_with_path(tree)
                if path[0] != "metrics_variables"
            }
            for tree in (self.get_state_tree(), state_tree)
        )
        if own != given:
            raise ValueError(
                "The variable names in the checkpoint do not match the model. They depend on how many models the "
                "process has created: create and compile the model as there, or use load_weights(). "
                f"Received: unknown {sorted(given - own)[:3]}, missing {sorted(own - given)[:3]}"
            )
        super().set_state_tree(state_tree)

    def save_own_variables(self, store: Any) -> None:
        """Saves the states of all random generators, including dropout, so that training resumes exactly."""
        for i, variable in enumerate(random_states(self)):
            store[f"random_state_{i}"] = variable.numpy()
        store["epochs_trained"] = np.array([self.epochs_trained])
        if self._epochs is not None:
            store["epochs"] = self._epochs

    def load_own_variables(self, store: Any) -> None:
        """Restores the states of all random generators."""
        # load_model() falls back to reading the archive without its checksums if they do not match
        archive = getattr(store, "archive", None)
        if archive is not None:
            _check_archive(archive)
        state = random_states(self)
        received = sum(key.startswith("random_state_") for key in store.keys())  # noqa: SIM118, no Mapping
        if received != len(state):
            raise ValueError(
                "The file has a different number of random states: the model needs the same random layers, such as "
                f"Dropout, as the saved one. Received: {received} states, expected {len(state)}"
            )
        for i, variable in enumerate(state):
            variable.assign(store[f"random_state_{i}"])
        self.epochs_trained = int(store["epochs_trained"][0])

    def _state(self):
        """All variables that a file holds: weights, random states and optimizers."""
        return [*self.variables, *(self.optimizer.variables if self.compiled else [])]

    def _check_finite(self):
        for variable in self._state():
            value = variable.numpy()
            if "float" in value.dtype.name and not np.isfinite(value).all():
                raise ValueError(
                    "The model was not saved because training has diverged. Earlier files are intact: resume from "
                    "one of them with a smaller learning rate. keras.callbacks.TerminateOnNaN(raise_error=True) stops "
                    f"such a run early. Received: NaN or infinity in {variable.path}"
                )

    def _save(self, save, filepath, overwrite, whole, **kwargs):
        """Lets Keras save, in the first process only; `whole`: to one local file, which is replaced atomically."""
        with backend.readable(self), backend.local_scope():
            self._check_finite()
            if backend.process_id():
                return
            if not whole or (not overwrite and pathlib.Path(filepath).exists()):  # where Keras asks
                save(filepath, overwrite=overwrite, **kwargs)
                return
            try:
                # HDF5 writes elsewhere first: where a full disk stops it, it may crash the process
                with files.replacing(filepath) as temporary, tempfile.TemporaryDirectory() as folder:
                    written = pathlib.Path(folder, temporary.name)
                    save(written, overwrite=True, **kwargs)
                    if written.suffix == ".h5":
                        with h5py.File(written, "r+") as file:
                            file.attrs[_DIGEST] = _digest(file)
                    shutil.copyfile(written, temporary)
            except RuntimeError as error:  # raised by h5py if the disk is full
                raise OSError(
                    f"`filepath` could not be written. Received: filepath={str(filepath)!r} ({error})"
                ) from error


def check_suffix(filepath, suffixes):
    """Raises ValueError unless a file has one of the suffixes that can be loaded again."""
    if not str(filepath).endswith(suffixes):
        raise ValueError(
            f"`filepath` must end in {' or '.join(suffixes)}: other formats do not hold the whole model. "
            f"Received: filepath={str(filepath)!r}"
        )


class _EpochCounter(keras.callbacks.Callback):
    """Sets the number of finished epochs before other callbacks save the model."""

    def on_epoch_begin(self, epoch, logs=None):
        self.model._epochs = epoch

    def on_epoch_end(self, epoch, logs=None):
        self.model._epochs = epoch + 1
        self.model.epochs_trained += 1


def resuming(callbacks):
    """Adds the callback that `BackupAndRestore` and other callbacks need to resume exactly.

    Args:
        callbacks: list of Keras callbacks.

    Returns:
        list of Keras callbacks.

    Raises:
        ValueError: a callback would write files that cannot be loaded, or resume within an epoch.
    """
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.ModelCheckpoint):
            check_suffix(callback.filepath, (".weights.h5",) if callback.save_weights_only else (".keras",))
        if isinstance(callback, keras.callbacks.BackupAndRestore):
            if callback.save_freq != "epoch":
                raise ValueError(
                    'BackupAndRestore must have save_freq="epoch": within an epoch, Keras would repeat batches that '
                    f"were trained on. Received: save_freq={callback.save_freq!r}"
                )
            _match_epoch_to_weights(callback.backup_dir)
            if backend.process_id():  # only the first process saves and deletes
                callback.save_freq, callback.delete_checkpoint = sys.maxsize, False
    return [_EpochCounter(), *callbacks]


def _match_epoch_to_weights(backup_dir):
    """Makes the two files of a backup consistent.

    `BackupAndRestore` writes the weights and then their epoch, to another file. If the process is killed in between,
    the weights are newer than the epoch. The weights file contains the epoch as well.
    """
    folder = pathlib.Path(backup_dir)
    weights, metadata = folder / "latest.weights.h5", folder / "training_metadata.json"
    if not weights.exists():  # as of a remote folder
        return
    with contextlib.suppress(OSError, KeyError):  # damaged weights, which loading reports, or another model's
        _check_file(weights)
        with h5py.File(weights) as file:
            epochs = int(file["vars/epochs"][()])
        try:
            agree = json.loads(metadata.read_bytes())["epoch"] == epochs
        except (OSError, ValueError, KeyError, TypeError):
            agree = False
        if not agree:
            with files.replacing(metadata) as temporary:
                temporary.write_text(json.dumps({"epoch": epochs, "batch": 0}))


def _is_local_file(filepath, ending):
    """Whether Keras reads or writes this as one local file."""
    return isinstance(filepath, str | pathlib.Path) and str(filepath).endswith(ending) and "://" not in str(filepath)


def _check_file(path, largest=None):
    """Raises OSError if a weights file is damaged, ValueError if an array has more than `largest` bytes."""
    if not path.exists():
        raise FileNotFoundError(f"`filepath` does not exist. Received: filepath={str(path)!r}")
    try:
        if path.suffix == ".h5":
            with h5py.File(path) as file:
                _check_weights(file, largest)
        else:
            with zipfile.ZipFile(path) as archive:
                _check_archive(archive)
                with h5py.File(io.BytesIO(archive.read(_WEIGHTS))) as file:
                    _check_weights(file, largest)
    except _OtherModel as error:
        raise ValueError(f"`filepath` belongs to another model. Received: filepath={str(path)!r} ({error})") from error
    except Exception as error:  # zipfile and h5py raise many types
        raise OSError(
            "`filepath` is damaged; nothing was loaded. Use an older file, or save the model again. "
            f"Received: filepath={str(path)!r} ({error})"
        ) from error


@contextlib.contextmanager
def _weights_file(filepath):
    """The path of the weights in a local .keras file, unpacked for a while; any other path as it is.

    Keras reads the weights inside the archive, and zipfile of Python 3.12.1 and 3.13.0 fails after seeking there.
    """
    if not _is_local_file(filepath, ".keras"):
        yield filepath
        return
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(filepath) as archive:
        yield archive.extract(_WEIGHTS, folder)


class _OtherModel(ValueError):
    pass


def _check_archive(archive):
    """Raises ValueError unless the checksums of all members of a zip archive match."""
    for member in archive.infolist():
        if member.file_size > 100 * member.compress_size + 1000:
            raise ValueError(f"{member.filename} would expand from {member.compress_size} to {member.file_size} bytes")
    damaged = archive.testzip()
    if damaged is not None:
        raise ValueError(f"checksum mismatch of {damaged}")


def _check_weights(file, largest):
    """Raises unless an HDF5 file holds all of its arrays and matches its digest, if it has one."""
    leads_away = file.visititems_links(lambda name, link: None if isinstance(link, h5py.HardLink) else name)
    if leads_away is not None:
        raise ValueError(f"{leads_away} is a link")
    for name, item in _items(file):
        if isinstance(item, h5py.Dataset):
            if item.external or item.is_virtual:
                raise ValueError(f"{name} is stored in another file")
            if largest is not None and item.nbytes > largest:
                raise _OtherModel(f"{name} has {item.nbytes} bytes, the largest array of this model {largest}")
    if _DIGEST in file.attrs and file.attrs[_DIGEST] != _digest(file):
        raise ValueError("checksum mismatch")


def _digest(file):
    """CRC-32 of all names, attributes and arrays of an HDF5 file."""
    crc = 0
    for name, item in _items(file):
        parts = [name.encode(), repr(sorted(item.attrs.items())).encode()]
        if isinstance(item, h5py.Dataset):
            if item.id.get_storage_size() != item.nbytes:
                raise ValueError(f"{name} has {item.id.get_storage_size()} bytes instead of {item.nbytes}")
            parts += [f"{item.dtype.str} {item.shape}".encode(), item[()].tobytes()]
        for part in parts:
            crc = zlib.crc32(part, crc)
    return crc


def _items(file):
    """Names and contents of an HDF5 file, sorted by name."""
    names: list[str] = []
    file.visit(names.append)
    return [(name, file[name]) for name in names]
