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
    """All presets with their sizes and recipes, as Markdown."""
    import keras_dcgan
    from keras_dcgan import presets

    lines = ["| preset | model | images | latents | parameters of G, D |", "|---|---|---|---|---:|"]
    notes = []
    for name in presets.names():
        preset = presets.get(name)
        model = keras_dcgan.ConditionalDCGAN if preset.conditional else keras_dcgan.DCGAN
        gan = model.from_preset(name, **({"num_classes": 10} if preset.conditional else {}))
        prior = {"normal": "N(0, 1)", "uniform": "U(−1, 1)"}[gan.latent_prior]
        cells = (
            f"`{name}`" + (" (trained)" if (presets.WEIGHTS / f"{name}.npz").exists() else ""),
            f"`{model.__name__}`",
            "×".join(map(str, gan.image_shape)),
            f"{gan.latent_dim} of {prior}".replace(" ", "\u00a0"),
            f"{gan.generator.count_params():,}, {gan.discriminator.count_params():,}",
        )
        lines.append(f"| {' | '.join(cells)} |")
        overrides = sorted(preset.arguments())
        notes.append(
            f"`{name}`\n: {preset.reference}. Recipe: {recipe_text(preset.recipe)}. "
            f"Overrides: {', '.join(f'`{key}`' for key in overrides)}, and those of the model.\n"
        )
    return "\n".join(lines) + "\n\n" + "\n".join(notes)


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
