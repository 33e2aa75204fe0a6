"""Sphinx configuration."""

import os
import pathlib
from importlib.metadata import version as _version

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import latex2mathml.converter
from docutils import nodes

project = "keras-dcgan"
author = "The keras-dcgan developers"
copyright = author
release = version = _version("keras-dcgan")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_design"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
exclude_patterns = ["_build", "_generated"]
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_title = f"keras-dcgan {release}"
html_math_renderer = "mathml"

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # docstrings tell types together with shapes and ranges
autoclass_content = "class"
napoleon_use_rtype = False
napoleon_custom_sections = [("Reference", "notes_style")]
default_role = "code"
nitpicky = True


def presets_table():
    """All presets, as they are built: a table in Markdown."""
    from keras_dcgan.presets import PRESETS, WEIGHTS, build

    lines = ["| preset | model | images | latents | parameters of G, D |", "|---|---|---|---|---:|"]
    notes = []
    for name, preset in PRESETS.items():
        generator, discriminator, model = build(name, conditional=preset["conditional"])
        prior = {"normal": "N(0, 1)", "uniform": "U(−1, 1)"}[model["latent_prior"]]
        cells = (
            f"`{name}`" + (" (trained)" if (WEIGHTS / f"{name}.npz").exists() else ""),
            "`ConditionalDCGAN`" if preset["conditional"] else "`DCGAN`",
            "×".join(map(str, preset["generator"]["image_shape"])),
            f"{preset['generator']['latent_dim']} of {prior}".replace(" ", "\u00a0"),
            f"{generator.count_params():,}, {discriminator.count_params():,}",
        )
        lines.append(f"| {' | '.join(cells)} |")
        overrides = sorted(set(preset["generator"]) | set(preset["discriminator"]) | set(preset["model"]))
        notes.append(
            f"`{name}`\n: {preset['reference']}. Training: {preset['training']}. "
            f"Overrides: {', '.join(f'`{key}`' for key in overrides)}.\n"
        )
    return "\n".join(lines) + "\n\n" + "\n".join(notes)


def _write_presets(app):
    folder = pathlib.Path(app.srcdir, "_generated")
    folder.mkdir(exist_ok=True)
    (folder / "presets.md").write_text(presets_table())


def _math(display):
    """Formulas as MathML, which browsers show by themselves: no script, from nowhere."""

    def visit(translator, node):
        translator.body.append(latex2mathml.converter.convert(node.astext(), display=display))
        raise nodes.SkipNode

    return visit, None


def setup(app):
    app.connect("builder-inited", _write_presets)
    app.add_html_math_renderer("mathml", inline_renderers=_math("inline"), block_renderers=_math("block"))
