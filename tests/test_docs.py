"""README and docs: their commands, links and pictures exist. Their code runs in tests/slow/test_pages.py."""

import os
import pathlib
import re
import tomllib

import pytest

ROOT = pathlib.Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = {str(path.relative_to(DOCS)): path.read_text() for path in DOCS.rglob("*.md") if path.parent.name[0] != "_"}
PICTURES = [path for path in (DOCS / "images").rglob("*") if path.suffix in (".png", ".webp")]
README = (ROOT / "README.md").read_text()
pytestmark = pytest.mark.once


def commands(text):
    """Lines of ```sh blocks, without comments."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line.partition("#")[0].strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [line for line in lines if line]


def test_commands_name_scripts_and_options_that_exist():
    lines = [line for text in (README, *PAGES.values()) for line in commands(text)]
    named = [found.groups() for line in lines if (found := re.search(r"python3? (\S+\.py)(.*)", line))]
    assert len(named) > 25
    for script, options in named:
        path = ROOT / script
        # scripts of benchmarks share options
        sources = [
            path.read_text(),
            *(other.read_text() for other in path.parent.glob("*.py") if "benchmarks" in script),
        ]
        for option in re.findall(r"--[\w-]+", options):
            assert any(f'"{option}"' in source for source in sources), f"{script} {option}"


def test_extras_that_are_named_exist():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = re.findall(r"keras-dcgan\[([\w,]+)\]", "".join((README, *PAGES.values())))
    assert len(named) > 4
    assert {extra for group in named for extra in group.split(",")} <= extras.keys()


def test_every_example_is_listed():
    listed = set(re.findall(r"\{repo\}`examples/(\w+\.py)`", PAGES["reference/examples.md"]))
    assert listed == {path.name for path in (ROOT / "examples").glob("*.py")}


def test_files_of_the_repository_that_are_named_exist():
    named = {name for text in PAGES.values() for name in re.findall(r"\{repo\}`([^`]+)`", text)}
    assert len(named) > 15
    assert not [name for name in named if not (ROOT / name).exists()]


# what the style guide in CONTRIBUTING.md rules out, as far as a pattern can tell; codespell finds misspellings
STYLE = {
    r"\bfilm(s|ed|ing)?\b": "animation",
    r"\bby heart\b": "memorize",
    r"\basked for\b": "requested",
    r"\b(colour|grey|centre|neighbour|behaviour|licence|learnt)(?!_|\.py)": "American spelling",
    r"\b\w*(normalis|synchronis|initialis|minimis|optimis)": "American spelling",
    r"\b(frame|second|epoch|step|image|column|row)s? an? (second|epoch|step|image|class|column|row)\b": "per",
    r"\bdeceive": "fool",
    r"\bwhat (is|was|has) (to be|made|asked|measured|left|shown|drawn|found)\b": "a noun phrase",
    r"\bgo(es)? on\b": "continue, resume",
    r"\bnot chosen\b": "not selected",
}
READ = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "RELEASING.md")]
READ += [path for folder in ("keras_dcgan", "examples", "benchmarks") for path in (ROOT / folder).rglob("*.py")]


@pytest.mark.parametrize("pattern", STYLE)
def test_words_are_those_of_the_style_guide(pattern):
    texts = {str(path.relative_to(ROOT)): path.read_text() for path in READ} | PAGES
    lines = [(name, line) for name, text in texts.items() for line in text.splitlines()]
    assert len(texts) > 100
    assert [(name, line) for name, line in lines if re.search(pattern, line, re.IGNORECASE)] == []


GUIDES = [page for page in PAGES if page.startswith(("howto/", "tutorials/"))]


@pytest.mark.parametrize("page", GUIDES)
def test_guides_are_short(page):
    words = re.sub(r"^```python.*?^```", "", PAGES[page], flags=re.MULTILINE | re.DOTALL).split()
    assert len(words) <= 700


@pytest.mark.parametrize("page", PAGES)
def test_lines_of_code_are_short(page):
    blocks = re.findall(r"^ *```(?:python|sh)\n(.*?)^ *```", PAGES[page], re.MULTILINE | re.DOTALL)
    assert [line for block in blocks for line in block.splitlines() if len(line) > 88] == []


def test_pictures_are_small():
    assert sum(path.stat().st_size for path in PICTURES) < 6_000_000
    assert not [path.name for path in PICTURES if path.stat().st_size >= 500_000]


def test_every_picture_is_shown_with_an_alternative_text():
    shown = set()
    for page, text in PAGES.items():
        figures = re.findall(r"^```\{figure\} (\S+)\n:alt: \S", text, re.MULTILINE)
        assert len(figures) == text.count("```{figure}"), page
        shown |= {pathlib.Path(os.path.normpath((DOCS / page).parent / name)) for name in figures}
    assert shown == set(PICTURES)


def test_every_link_of_the_readme_leads_somewhere():
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert len(links) > 4
    assert not [link for link in links if not (ROOT / link).exists()]


def test_the_two_set_up_commands_name_an_example_and_the_tests():
    first, second = (command for command in commands(README) if command.startswith("python3 -m venv"))
    assert first.endswith("examples/quickstart.py")
    assert second.endswith('-e ".[test]" && .venv/bin/python -m pytest')


def test_no_placeholder_is_left():
    assert not re.search(r"^[A-Z_]{6,}$", README, re.MULTILINE)
