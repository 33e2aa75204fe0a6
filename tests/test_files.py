"""Files that are written whole or not at all."""

import os
import time

import pytest

from keras_dcgan.training import files

pytestmark = pytest.mark.once


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def die():
        with files.replacing(path) as temporary:
            temporary.write_text("half of the n")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        die()
    assert path.read_text() == "old"
    with files.replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_what_a_killed_process_left_is_removed_after_an_hour(tmp_path):
    path, other = tmp_path / "a[1].txt", tmp_path / ".a.txt.x"
    old, new = tmp_path / ".a[1].txt.old.txt", tmp_path / ".a[1].txt.new.txt"
    for leftover in (other, old, new):
        leftover.write_text("half of the n")
    for leftover in (other, old):
        os.utime(leftover, (time.time() - 3700,) * 2)
    with files.replacing(path) as temporary:
        temporary.write_text("new")
    assert sorted(tmp_path.iterdir()) == sorted([path, other, new])
