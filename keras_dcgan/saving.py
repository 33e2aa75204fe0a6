"""SavedModel: a Keras model whose files are whole, exact and checked."""

import contextlib
import json
import os
import pathlib
import sys
import zipfile
import zlib
from typing import Any

import h5py
import keras
import numpy as np

from keras_dcgan import backend, files

_DIGEST = "keras_dcgan_crc32"  # attribute of a weights file: HDF5 has no checksum of its own


class SavedModel(keras.Model):
    """A Keras model whose files are whole, exact and checked.

    Whole: a file is written aside and moved into place. Exact: it holds the state of all random generators, those of
    the networks' dropout included, beside weights and optimizers. Checked: weights that are not finite are not saved,
    a damaged file is not loaded, and a model into which a file cannot be loaded stays as it was.
    """

    _epochs = None  # during fit(): how many whole epochs lie behind the model

    def fit(self, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        """Trains as `keras.Model.fit`, and resumes exactly under `keras.callbacks.BackupAndRestore`."""
        callbacks = kwargs.pop("callbacks", None)
        if not isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks = [_EpochCount(), *keras.tree.flatten(callbacks or [])]
            for callback in callbacks:
                if isinstance(callback, keras.callbacks.BackupAndRestore):
                    _match_epoch_to_weights(callback.backup_dir)
                    if backend.process_id():  # the first of several saves and deletes
                        callback.save_freq, callback.delete_checkpoint = sys.maxsize, False
        try:
            return super().fit(*args, callbacks=callbacks, **kwargs)
        finally:
            self._epochs = None
            self._initial_epoch = None  # BackupAndRestore sets it, and Keras 3.15 would start the next fit() there too

    def save(
        self, filepath: str | os.PathLike[str], overwrite: bool = True, zipped: bool | None = None, **kwargs: Any
    ) -> None:
        """Saves the whole model: `keras.Model.save`, but a file is replaced whole or not at all.

        Of several processes that train one model the first alone writes.

        Raises:
            ValueError: NaN or infinity among the weights.
            OSError: the file cannot be written.
        """
        whole = zipped is not False and _is_local_file(filepath, ".keras")
        self._save(super().save, filepath, overwrite, whole, zipped=zipped, **kwargs)

    def save_weights(self, filepath: str | os.PathLike[str], overwrite: bool = True, **kwargs: Any) -> None:
        """Saves weights, optimizers and random states: `keras.Model.save_weights`, but whole or not at all.

        Of several processes that train one model the first alone writes.

        Raises:
            ValueError: NaN or infinity among the weights.
            OSError: the file cannot be written.
        """
        self._save(super().save_weights, filepath, overwrite, _is_local_file(filepath, ".weights.h5"), **kwargs)

    def load_weights(self, filepath: str | os.PathLike[str], skip_mismatch: bool = False, **kwargs: Any) -> None:
        """Loads what `save_weights` or `save` wrote: `keras.Model.load_weights`, but wholly or not at all.

        Args:
            filepath: path that ends in .weights.h5 or .keras.
            skip_mismatch: bool, as in Keras: True loads what fits and leaves the rest.
            **kwargs: as in Keras.

        Raises:
            FileNotFoundError: there is no such file.
            OSError: the file is damaged.
            ValueError: the file is of another model. Whatever is raised, this model is then as it was.
        """
        before = [(v, np.array(v.numpy())) for v in self._state()]
        if _is_local_file(filepath, (".weights.h5", ".keras")):
            widest = 8 * max(value.size for _, value in before)  # bytes, in float64
            _check_file(pathlib.Path(filepath), None if skip_mismatch else widest)
        try:
            with backend.alone():
                super().load_weights(filepath, skip_mismatch=skip_mismatch, **kwargs)
        except BaseException:
            for variable, value in before:
                variable.assign(value)
            raise

    def set_state_tree(self, state_tree: dict[str, Any]) -> None:
        """Sets variables by their names: `keras.Model.set_state_tree`, but unknown names are refused.

        Orbax checkpoints are loaded through it.

        Raises:
            ValueError: the names are not those of this model. Nothing is changed then.
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
                "The names of the variables are not those of this model, and Keras would pass over them in silence. "
                "They depend on how many models a process has made: build and compile the model as in the process that "
                "saved it, and call load_weights(). "
                f"Received: {sorted(given - own)[:3]}, missing {sorted(own - given)[:3]}"
            )
        super().set_state_tree(state_tree)

    def save_own_variables(self, store: Any) -> None:
        """Saves the state of all random generators, the networks' dropout included: no resume is exact without."""
        for i, variable in enumerate(self._random_state()):
            store[f"random_state_{i}"] = variable.numpy()
        if self._epochs is not None:
            store["epochs"] = self._epochs

    def load_own_variables(self, store: Any) -> None:
        """Restores the state of all random generators."""
        # load_model() falls back to reading from the archive, past its checksums, where these do not agree
        archive = getattr(store, "archive", None)
        if archive is not None:
            _check_archive(archive)
        state = self._random_state()
        received = sum(key.startswith("random_state_") for key in store.keys())  # noqa: SIM118, no Mapping
        if received != len(state):
            raise ValueError(
                "The file's random states are of another model: as many random layers are needed as it was saved with. "
                f"Received: {received} states for {len(state)}"
            )
        for i, variable in enumerate(state):
            variable.assign(store[f"random_state_{i}"])

    def _state(self):
        """All that a file holds: weights, random states and optimizers."""
        return [*self.variables, *(self.optimizer.variables if self.compiled else [])]

    def _random_state(self):
        weights = {id(v) for v in self.weights}
        return [v for v in self.variables if id(v) not in weights]

    def _check_finite(self):
        for variable in self._state():
            value = variable.numpy()
            if "float" in value.dtype.name and not np.isfinite(value).all():
                raise ValueError(
                    "The model is not saved, since its training has diverged; what was saved before stays. Go on from "
                    "there, with a smaller learning rate. keras.callbacks.TerminateOnNaN(raise_error=True) ends such a "
                    f"training early. Received: NaN or infinity in {variable.path}"
                )

    def _save(self, save, filepath, overwrite, whole, **kwargs):
        """Lets Keras save, in the first process alone; `whole`: to one file, which is replaced whole or not at all."""
        self._check_finite()
        if backend.process_id():
            return
        if not whole or (not overwrite and pathlib.Path(filepath).exists()):  # where Keras asks
            with backend.alone():
                save(filepath, overwrite=overwrite, **kwargs)
            return
        try:
            with files.replacing(filepath) as temporary, backend.alone():
                save(temporary, overwrite=True, **kwargs)
                if temporary.suffix == ".h5":
                    with h5py.File(temporary, "r+") as file:
                        file.attrs[_DIGEST] = _digest(file)
        except RuntimeError as error:  # what h5py makes of a full disk
            raise OSError(f"`filepath` cannot be written. Received: filepath={str(filepath)!r} ({error})") from error


class _EpochCount(keras.callbacks.Callback):
    """Tells the model how many whole epochs lie behind it, before other callbacks save it."""

    def on_epoch_begin(self, epoch, logs=None):
        self.model._epochs = epoch

    def on_epoch_end(self, epoch, logs=None):
        self.model._epochs = epoch + 1


def _match_epoch_to_weights(backup_dir):
    """Makes the two files of a backup agree.

    `BackupAndRestore` writes the weights, and then their epoch into a file of its own: a process that is killed between
    the two leaves new weights with an old epoch, or with half a file. The weights know their epoch.
    """
    folder = pathlib.Path(backup_dir)
    weights, metadata = folder / "latest.weights.h5", folder / "training_metadata.json"
    if not weights.exists():  # as of a remote folder
        return
    with contextlib.suppress(OSError, KeyError):  # weights that are damaged, which loading will say, or another model's
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
    """Whether Keras would read or write this as one local file."""
    return isinstance(filepath, str | pathlib.Path) and str(filepath).endswith(ending) and "://" not in str(filepath)


def _check_file(path, largest=None):
    """Raises OSError for a damaged file of weights, ValueError where an array has more than `largest` bytes."""
    if not path.exists():
        raise FileNotFoundError(f"`filepath` does not exist. Received: filepath={str(path)!r}")
    try:
        if path.suffix == ".h5":
            with h5py.File(path) as file:
                _check_weights(file, largest)
        else:
            with zipfile.ZipFile(path) as archive:
                _check_archive(archive)
                with archive.open("model.weights.h5") as member, h5py.File(member) as file:
                    _check_weights(file, largest)
    except _OtherModel as error:
        raise ValueError(f"`filepath` is of another model. Received: filepath={str(path)!r} ({error})") from error
    except Exception as error:  # zipfile and h5py raise whatever the damage makes them stumble upon
        raise OSError(
            "`filepath` is damaged, and nothing was loaded: take an older file, or save it anew. "
            f"Received: filepath={str(path)!r} ({error})"
        ) from error


class _OtherModel(ValueError):
    pass


def _check_archive(archive):
    """Raises ValueError unless every member of a zip archive has the checksum that it was stored with."""
    for member in archive.infolist():
        if member.file_size > 100 * member.compress_size + 1000:
            raise ValueError(f"{member.filename} would grow from {member.compress_size} to {member.file_size} bytes")
    damaged = archive.testzip()
    if damaged is not None:
        raise ValueError(f"the checksum of {damaged} does not agree")


def _check_weights(file, largest):
    """Raises unless an HDF5 file holds all of its arrays and has the digest that it was saved with, if any."""
    leads_away = file.visititems_links(lambda name, link: None if isinstance(link, h5py.HardLink) else name)
    if leads_away is not None:
        raise ValueError(f"{leads_away} leads to another place")
    for name, item in _items(file):
        if isinstance(item, h5py.Dataset):
            if item.external or item.is_virtual:
                raise ValueError(f"{name} leads to another file")
            if largest is not None and item.nbytes > largest:
                raise _OtherModel(f"{name} has {item.nbytes} bytes, and nothing here has more than {largest}")
    if _DIGEST in file.attrs and file.attrs[_DIGEST] != _digest(file):
        raise ValueError("its checksum does not agree")


def _digest(file):
    """CRC-32 of all names, attributes and arrays of an HDF5 file."""
    crc = 0
    for name, item in _items(file):
        parts = [name.encode(), repr(sorted(item.attrs.items())).encode()]
        if isinstance(item, h5py.Dataset):
            if item.id.get_storage_size() != item.nbytes:
                raise ValueError(f"{name} is to have {item.nbytes} bytes and has {item.id.get_storage_size()}")
            parts += [f"{item.dtype.str} {item.shape}".encode(), item[()].tobytes()]
        for part in parts:
            crc = zlib.crc32(part, crc)
    return crc


def _items(file):
    """Names and contents of an HDF5 file, in the order of their names."""
    names: list[str] = []
    file.visit(names.append)
    return [(name, file[name]) for name in names]
