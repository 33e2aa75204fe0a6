"""The package as a whole: its public names, who imports whom, and what its files say of each other.

python tests/test_package.py > tests/public_names.txt    # writes the public names down anew
"""

import ast
import graphlib
import importlib
import importlib.util
import inspect
import pathlib
import re
import sys
import tomllib

import pytest

import keras_dcgan

pytestmark = pytest.mark.once
ROOT = pathlib.Path(__file__).parents[1]
PACKAGE = ROOT / "keras_dcgan"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WRITTEN_DOWN = pathlib.Path(__file__).with_name("public_names.txt")
PUBLIC = [name for name in (*keras_dcgan.__all__, "metrics", "plots") if inspect.ismodule(getattr(keras_dcgan, name))]
BASES = (
    keras_dcgan.DCGAN,
    keras_dcgan.losses.AdversarialLoss,
    keras_dcgan.penalties.Penalty,
)  # whose methods are not repeated for each subclass

# who may import whom: tools and parts know nothing of the models, callbacks reach a model through `self.model` alone
BASE = {"_types", "backend", "training"}
TOOLS = {"images"}
PARTS = {
    "augmentation",
    "datasets",
    "export",
    "features",
    "latents",
    "layers",
    "losses",
    "metrics",
    "networks",
    "penalties",
    "presets",
}
MODELS = {"conditional_dcgan", "dcgan"}
MAY_IMPORT = (
    (BASE, BASE),
    (TOOLS, BASE | TOOLS),
    (PARTS, BASE | TOOLS | PARTS),
    (MODELS, BASE | TOOLS | PARTS | MODELS),
    ({"callbacks"}, BASE | TOOLS | {"metrics"}),
    ({"app", "plots"}, BASE | TOOLS | PARTS | MODELS),
    ({"cli", "__main__"}, BASE | TOOLS | PARTS | MODELS | {"app", "callbacks", "cli", "the public names"}),
)


def public_names():
    """A line for each public name, with parameters and defaults, without annotations."""
    lines = [f'from_preset("{name}")' for name in keras_dcgan.presets.names()]
    for name in (*keras_dcgan.__all__, "metrics", "plots", "__version__"):
        lines += described(name, getattr(keras_dcgan, name))
    for module in (importlib.import_module(f"keras_dcgan.{name}") for name in PUBLIC):
        for name in getattr(module, "__all__", vars(module)):
            value = getattr(module, name)
            ours = (getattr(value, "__module__", None) or "").startswith(module.__name__) or name.isupper()
            if ours and not name.startswith("_"):
                lines += described(f"{module.__name__.removeprefix('keras_dcgan.')}.{name}", value)
    return sorted(lines)


def described(name, value):
    if inspect.isclass(value):
        yield name + ("()" if value.__init__ is object.__init__ else parameters(value.__init__))
        listed = [base for base in BASES if base is not value and issubclass(value, base)]
        for member in dir(value):
            cls = next(cls for cls in value.__mro__ if member in vars(cls))  # the one that defines it
            ours = cls.__module__.startswith("keras_dcgan") and not any(issubclass(base, cls) for base in listed)
            if ours and not member.startswith("_"):
                yield from described(f"{name}.{member}", getattr(value, member))
    elif callable(value):
        yield name + parameters(value)
    else:
        yield f"{name} = {type(value).__name__}"


def parameters(function):
    signature = inspect.signature(function)
    bare = [p.replace(annotation=p.empty) for p in signature.parameters.values() if p.name != "self"]
    return str(signature.replace(parameters=bare, return_annotation=signature.empty))


def imports():
    """For each module of the package, by its path, the modules of the package that it imports, wherever in it."""
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in PACKAGE.rglob("*.py")}
    modules = {name.removesuffix(".__init__"): path for name, path in modules.items()}
    found = {}
    for module, path in modules.items():
        names = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert not node.level, f"{path}: relative imports are not counted here"
                inner = {f"{node.module}.{alias.name}" for alias in node.names}
                names |= {name if name in modules else node.module for name in inner}
        found[module] = names & set(modules)
    return found


def test_public_names_are_those_written_down():
    found, expected = public_names(), WRITTEN_DOWN.read_text().splitlines()
    assert found == expected, "if it is meant: python tests/test_package.py > tests/public_names.txt"


def test_public_modules_are_those_of_the_docs():
    pages = "".join(path.read_text() for path in (ROOT / "docs" / "reference").glob("*.rst"))
    documented = re.findall(r"^\.\. auto\w+:: keras_dcgan\.([a-z]\w*)", pages, re.M)
    assert set(documented) == set(PUBLIC)


def test_no_module_imports_itself_through_others():
    graphlib.TopologicalSorter(imports()).prepare()  # raises CycleError


def test_modules_import_what_they_may():
    allowed = {module: known for modules, known in MAY_IMPORT for module in modules}
    found = imports()
    del found["keras_dcgan"]
    for module, imported in found.items():
        name = module.split(".")[1]
        assert name in allowed, f"{module}: MAY_IMPORT must say what it may import"
        known = {other.split(".")[1] if "." in other else "the public names" for other in imported}
        assert known <= allowed[name] | {name}, module


def test_an_import_without_the_backend_says_what_to_install(monkeypatch):
    for name in list(sys.modules):
        if name.split(".")[0] in ("keras", "keras_dcgan"):
            monkeypatch.delitem(sys.modules, name)
    for name in ("tensorflow", "torch"):  # as if not installed
        monkeypatch.setitem(sys.modules, name, None)
    message = r"pip install tensorflow, or set the environment variable KERAS_BACKEND to another one \(jax installed\)"
    with pytest.raises(ImportError, match=message if importlib.util.find_spec("jax") else "none installed"):
        importlib.import_module("keras_dcgan")


def test_versions_agree():
    citation = (ROOT / "CITATION.cff").read_text()
    released = re.findall(r"^## \[(\d.*)\] - (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.M)  # the newest first
    assert re.findall(r"^version: (.+)$", citation, re.M) == [PROJECT["version"]]
    assert re.findall(r"^date-released: (.+)$", citation, re.M) == [date for _, date in released[:1]]
    assert [version for version, _ in released[:1]] in ([], [PROJECT["version"]])


def test_the_repository_has_one_address():
    urls = dict(PROJECT["urls"])
    assert urls.pop("Documentation").startswith("https://keras-dcgan.")  # where .readthedocs.yaml is built
    assert all(url.startswith(urls["Repository"]) for url in urls.values())


def test_the_lowest_versions_are_those_that_are_tested():
    extras = PROJECT["optional-dependencies"]
    floors = [name for name in PROJECT["dependencies"] + extras["metrics"] + extras["export"] if ">=" in name]
    pins = [line for line in (ROOT / ".ci" / "lowest.txt").read_text().splitlines() if not line.startswith("#")]
    assert {pin.removesuffix(".0") for pin in pins} == {floor.split(",")[0].replace(">=", "==") for floor in floors}


if __name__ == "__main__":
    print("\n".join(public_names()))
