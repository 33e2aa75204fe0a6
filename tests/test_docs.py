"""The docs' pictures: small, shown, and described to those who cannot see them."""

import pathlib
import re

DOCS = pathlib.Path(__file__).parents[1] / "docs"
PICTURES = [path for path in (DOCS / "images").rglob("*") if path.suffix in (".png", ".gif")]
PAGES = {path: path.read_text() for path in DOCS.rglob("*.md") if "_build" not in path.parts}


def test_pictures_are_small():
    assert sum(path.stat().st_size for path in PICTURES) < 12_000_000
    assert not [path.name for path in PICTURES if path.stat().st_size >= 2_000_000]


def test_every_picture_is_shown():
    shown = {
        (page.parent / name).resolve()
        for page, text in PAGES.items()
        for name in re.findall(r"^```\{figure\} (\S+)$", text, re.MULTILINE)
    }
    assert shown == set(PICTURES)


def test_every_picture_has_an_alternative_text():
    for page, text in PAGES.items():
        figures = re.findall(r"^```\{figure\} \S+\n:alt: \S", text, re.MULTILINE)
        assert len(figures) == text.count("```{figure}"), page
