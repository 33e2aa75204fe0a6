"""Sphinx configuration."""

import os
from importlib.metadata import version as _version

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

project = "keras-dcgan"
author = "The keras-dcgan developers"
copyright = author
release = version = _version("keras-dcgan")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "sphinx.ext.napoleon"]
myst_enable_extensions = ["dollarmath"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["figures.css"]
html_title = f"keras-dcgan {release}"

autodoc_member_order = "bysource"
autodoc_typehints = "none"
autoclass_content = "class"
napoleon_use_rtype = False
napoleon_custom_sections = [("Reference", "notes_style")]
default_role = "code"
nitpicky = False
