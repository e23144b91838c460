"""The manual: `make docs` builds it, without a network, into build/docs/html."""

import os
import sys
from pathlib import Path

# What the examples compute does not depend on who builds the site, nor on how many cores there are.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("COLUMNS", "100")
HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]

import ventralrnn  # noqa: E402

project = "ventralrnn"
author = "The ventralrnn developers"
copyright = author
version = release = ventralrnn.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_click",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "aliases",
    "command_help",
    "mathml",
    "repository_links",
    "runs",
]
exclude_patterns = ["gallery/README.rst", "gallery/*.py"]
suppress_warnings = ["config.cache"]
nitpicky = True
smartquotes = False  # --option stays as it is
# Other projects' names: their inventories would have to be fetched.
nitpick_ignore_regex = [("py:.*", r"(numpy|scipy|torch|xarray|matplotlib|sklearn|zarr)\..*")]

# -- reference -------------------------------------------------------------------------------------------------------
autosummary_generate = True
autodoc_typehints = "none"  # the docstrings give types, with shapes and units
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
templates_path = ["_templates"]

# -- Markdown --------------------------------------------------------------------------------------------------------
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
html_math_renderer = "mathml"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# -- gallery ---------------------------------------------------------------------------------------------------------
sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "auto_gallery",
    "filename_pattern": r"/plot_",
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "abort_on_example_error": True,
    "min_reported_time": 1e9,
    "write_computation_times": False,
    "image_scrapers": ("figures",),
    "plot_gallery": "True",
}

# -- pages -----------------------------------------------------------------------------------------------------------
html_theme = "pydata_sphinx_theme"
html_title = "ventralrnn"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "navbar_align": "left",
    "navbar_persistent": ["search-button"],
    "header_links_before_dropdown": 8,
    "secondary_sidebar_items": ["page-toc"],
    "article_header_start": [],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
# Pages without pages below them.
html_sidebars = {page: [] for page in ("index", "tutorial", "science", "glossary", "design", "changelog")}

# -- links -----------------------------------------------------------------------------------------------------------
linkcheck_timeout = 20
linkcheck_workers = 4
