"""Files that are written whole or not at all."""

import os
import stat
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


def test_a_file_and_its_folder_are_on_the_disk_before_it_counts(tmp_path, monkeypatch):
    order = []
    kinds = {True: "folder", False: "file"}
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(
        os, "fsync", lambda handle: (order.append(kinds[stat.S_ISDIR(os.fstat(handle).st_mode)]), fsync(handle))
    )
    monkeypatch.setattr(os, "replace", lambda *paths: (order.append("replace"), replace(*paths)))
    with files.replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")
    assert order == ["file", "replace", "folder"]


def test_a_file_has_the_permissions_of_any_other(tmp_path):
    (tmp_path / "other.txt").write_text("")
    with files.replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "other.txt").stat().st_mode
