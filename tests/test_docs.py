"""The docs: their code runs, their commands exist, their pictures are small, shown and described."""

import os
import pathlib
import re
import subprocess
import sys
import tomllib

import keras
import pytest
from conftest import BACKEND
from pages import DOCS, PAGES, commands, program, run, shorten
from test_export import CONVERTERS

ROOT = DOCS.parent
PICTURES = [path for path in (DOCS / "images").rglob("*") if path.suffix in (".png", ".gif")]
README = (ROOT / "README.md").read_text()


WITH_CODE = {page: () for page in PAGES if program(page, BACKEND)}
if "howto/export.md" in WITH_CODE:
    WITH_CODE["howto/export.md"] = [pytest.mark.filterwarnings(text) for text in CONVERTERS]


@pytest.mark.parametrize("page", [pytest.param(page, marks=marks) for page, marks in WITH_CODE.items()])
def test_the_code_of_every_page_runs(page, tmp_path, monkeypatch):
    if BACKEND != "tensorflow":  # what they do to devices and processes stays
        command = [sys.executable, pathlib.Path(__file__).with_name("pages.py"), page]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        return
    monkeypatch.chdir(tmp_path)
    shorten(monkeypatch.setattr)
    try:
        run(page, BACKEND)
    finally:
        keras.config.set_dtype_policy("float32")


def test_pages_have_code():
    """So that a change of the docs' syntax does not leave the test above without anything to run."""
    assert len([page for page in PAGES if program(page, "tensorflow")]) > 15
    assert all(program("howto/many_machines.md", backend) for backend in ("jax", "torch"))


def test_commands_name_scripts_and_options_that_exist():
    named = [line for text in (README, *PAGES.values()) for line in commands(text) if " examples/" in line]
    assert len(named) > 15
    for line in named:
        script, options = re.search(r"python3? (\S+\.py)(.*)", line).groups()
        source = (ROOT / script).read_text()
        for option in re.findall(r"--[\w-]+", options):
            assert f'"{option}"' in source, line


def test_extras_that_are_named_exist():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = re.findall(r"keras-dcgan\[([\w,]+)\]", "".join((README, *PAGES.values())))
    assert len(named) > 4
    assert {extra for group in named for extra in group.split(",")} <= extras.keys()


def test_every_example_is_in_the_gallery():
    shown = set(re.findall(r"item-card\} (\w+\.py)", PAGES["gallery.md"]))
    assert shown == {path.name for path in (ROOT / "examples").glob("*.py")}


def test_pictures_are_small():
    assert sum(path.stat().st_size for path in PICTURES) < 12_000_000
    assert not [path.name for path in PICTURES if path.stat().st_size >= 2_000_000]


def test_every_picture_is_shown_with_an_alternative_text():
    shown = set()
    for page, text in PAGES.items():
        figures = re.findall(r"^```\{figure\} (\S+)\n:alt: \S", text, re.MULTILINE)
        cards = re.findall(r"^:img-top: (\S+)\n:img-alt: \S", text, re.MULTILINE)
        assert len(figures) == text.count("```{figure}"), page
        assert len(cards) == text.count(":img-top:"), page
        shown |= {pathlib.Path(os.path.normpath((DOCS / page).parent / name)) for name in figures + cards}
    assert shown == set(PICTURES)


def test_every_link_of_the_readme_leads_somewhere():
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert len(links) > 4
    assert not [link for link in links if not (ROOT / link).exists()]
