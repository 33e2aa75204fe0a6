"""Sphinx configuration."""

import contextlib
import io
import os
import pathlib
import re
import shutil
import sys
from importlib.metadata import metadata

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import diagrams
import latex2mathml.converter
from docutils import nodes

import keras_dcgan
from keras_dcgan import cli, presets

_METADATA = metadata("keras-dcgan")
_URLS = dict(url.split(", ") for url in _METADATA.get_all("Project-URL"))
_REPOSITORY, _SITE = _URLS["Repository"], _URLS["Documentation"]

project = "keras-dcgan"
author = "The keras-dcgan developers"
copyright = author
release = version = _METADATA["Version"]

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.extlinks",
    "sphinx_design",
]
autosummary_generate = False
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
myst_html_meta = {
    "property=og:title": "keras-dcgan",
    "property=og:description": "DCGANs for Keras 3 on TensorFlow, JAX and PyTorch",
    "property=og:image": f"{_SITE}en/latest/_images/quickstart.png",
}
nb_execution_mode = "off"  # the notebooks are stored with their outputs
extlinks = {"repo": (f"{_REPOSITORY}/blob/main/%s", "%s")}
exclude_patterns = ["_build", "_generated"]
html_theme = "furo"
html_theme_options = {"source_repository": _REPOSITORY, "source_branch": "main", "source_directory": "docs/"}
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_favicon = "_static/favicon.svg"
html_title = f"keras-dcgan {release}"
html_math_renderer = "mathml"

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # docstrings tell types together with shapes and ranges
autoclass_content = "class"
napoleon_use_rtype = False
napoleon_custom_sections = [("Reference", "notes_style")]
default_role = "code"
nitpicky = True


def presets_page(folder):
    """All presets with their sizes and recipes, as Markdown; writes the drawings of their networks to a folder."""
    lines = ["| preset | model | images | latent vectors | parameters of G, D |", "|---|---|---|---|---:|"]
    sections = []
    for name in presets.names():
        preset = presets.get(name)
        model = keras_dcgan.ConditionalDCGAN if preset.conditional else keras_dcgan.DCGAN
        gan = model.from_preset(name, **({"num_classes": 10} if preset.conditional else {}))
        prior = {"normal": "N(0, 1)", "uniform": "U(−1, 1)"}[gan.latent_prior]
        cells = (
            f"[`{name}`](#{name})" + (" (trained)" if (presets.WEIGHTS / f"{name}.npz").exists() else ""),
            f"`{model.__name__}`",
            "×".join(map(str, gan.image_shape)),
            f"{gan.latent_dim} from {prior}".replace(" ", "\u00a0"),
            f"{gan.generator.count_params():,}, {gan.discriminator.count_params():,}",
        )
        lines.append(f"| {' | '.join(cells)} |")
        for network in (gan.generator, gan.discriminator):
            (folder / f"{name}_{network.name}.svg").write_text(diagrams.svg(network))
        sections += [
            f"({name})=",
            f"## {name}",
            f"{preset.reference[0].upper()}{preset.reference[1:]}.",
            *(
                f"![The {x.name} of {name}](../_generated/{name}_{x.name}.svg)"
                for x in (gan.generator, gan.discriminator)
            ),
            f"**Recipe:** {recipe_text(preset.recipe)}.",
            f"**Arguments:** {', '.join(f'`{key}`' for key in sorted(preset.arguments()))}, and those of the model.",
        ]
    return "\n\n".join(["\n".join(lines), *sections]) + "\n"


def recipe_text(recipe):
    """A recipe in a line of Markdown."""
    g_opt, d_opt = (f"Adam({', '.join(map(str, opt['config'].values()))})" for opt in (recipe.g_opt, recipe.d_opt))
    parts = [g_opt if g_opt == d_opt else f"{g_opt} and {d_opt}", f"`{type(recipe.loss).__name__}`"]
    for penalty in recipe.penalties:
        arguments = ", ".join(f"{key}={value}" for key, value in penalty.get_config().items() if value != 1)
        parts.append(f"`{type(penalty).__name__}({arguments})`")
    parts.append(f"{recipe.update} updates")
    if recipe.discriminator_steps > 1:
        parts.append(f"{recipe.discriminator_steps} discriminator steps")
    parts.append(f"batch size {recipe.batch_size}")
    if recipe.epochs:
        parts.append(f"{recipe.epochs} epochs")
    if recipe.decay:
        part = "" if recipe.decay == 1 else f" over the last {recipe.decay:.0%} of the epochs"
        parts.append(f"learning rates decay linearly toward 0{part}")
    return ", ".join(parts)


def cli_page():
    """The help texts of all commands, as Markdown."""
    sections = []
    for name in re.findall(r"^    (\w+)\b", _help(), re.MULTILINE):
        sections.append(f"## {name}\n\n```text\n{_help(name)}```")
    return "\n\n".join(sections)


def _help(*command):
    with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.suppress(SystemExit):
        cli.main([*command, "--help"])
    return printed.getvalue()


def _generate(app):
    os.environ["COLUMNS"] = "88"  # argparse wraps its help texts to it
    docs = pathlib.Path(app.srcdir)
    folder = docs / "_generated"
    folder.mkdir(exist_ok=True)
    (folder / "presets.md").write_text(presets_page(folder))
    (folder / "cli.md").write_text(cli_page())
    shutil.copytree(docs.parent / "examples" / "notebooks", docs / "tutorials" / "notebooks", dirs_exist_ok=True)


def _math(display):
    """Formulas as MathML, which browsers show by themselves: no script, from nowhere."""

    def visit(translator, node):
        translator.body.append(latex2mathml.converter.convert(node.astext(), display=display))
        raise nodes.SkipNode

    return visit, None


def _load_lazily(app, doctree):
    """Loads all images of a page but the first lazily."""
    for image in list(doctree.findall(nodes.image))[1:]:
        image["loading"] = "lazy"


def _list_members(app, what, name, module, options, lines):
    """Begins the page of a module with a table of its names and what they are."""
    if what == "module" and len(module.__all__) > 1:
        lines += ["", ".. autosummary::", "   :nosignatures:", "", *(f"   {x}" for x in module.__all__), ""]


def setup(app):
    app.connect("autodoc-process-docstring", _list_members)
    app.connect("doctree-read", _load_lazily)
    app.connect("builder-inited", _generate)
    app.add_html_math_renderer("mathml", inline_renderers=_math("inline"), block_renderers=_math("block"))
