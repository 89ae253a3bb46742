"""Sphinx configuration; `make docs` builds the site, and every warning is an error."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path[:0] = [str(HERE), str(ROOT)]
# Kernels of executed pages import the package from this checkout and write no settings.
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
os.environ["JUPYTER_PLATFORM_DIRS"] = "1"
os.environ["MPLBACKEND"] = "Agg"
os.environ["COLUMNS"] = "100"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

from docutils.nodes import Element
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from tools import pages

from escalation import __version__

project = "escalation"
author = "The escalation authors"
copyright = "the escalation authors, Apache-2.0"  # noqa: A001
release = version = __version__

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "tools.mathml",
]
source_suffix = {".md": "myst-nb", ".rst": "restructuredtext"}
exclude_patterns = [
    "jupyter_execute",
    "_site",
    "outputs",
    "tools",
    "made/.jupyter_cache",
    "made/skill.md",
    "made/tree.md",
]
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!escalation).*")]
suppress_warnings = ["autosectionlabel.*"]

myst_enable_extensions = ["colon_fence", "dollarmath", "deflist", "attrs_inline"]
myst_heading_anchors = 3
nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE / "made" / ".jupyter_cache")
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_merge_streams = True

autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

html_theme = "pydata_sphinx_theme"
html_title = "escalation"
html_static_path = ["_static"]
html_css_files = ["own.css"]
html_search_scorer = str(HERE / "_static" / "scorer.js")
html_favicon = "_static/mark.svg"
ALONE = ("quickstart", "notebook", "why", "limits", "the-crisis", "glossary", "architecture")
html_sidebars: dict[str, list[str]] = {name: [] for name in (*ALONE, "made/gallery", "made/errors")}
html_context = {"default_mode": "auto"}
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "header_links_before_dropdown": 6,
    "navbar_end": ["theme-switcher"],
    "pygments_light_style": "default",
}
html_math_renderer = "mathml"


def skipped(_app: object, _what: str, name: str, thing: object, skip: bool, _o: object) -> bool:
    """Skip members that libraries add to our classes, and type aliases."""
    routing = name == "get_metadata_routing" or (name[:4] == "set_" and name[-8:] == "_request")
    foreign = str(getattr(thing, "__module__", "")).startswith("matplotlib.")
    alias = hasattr(thing, "__origin__") and not isinstance(thing, type)
    return skip or routing or foreign or alias


def at_home(app: Sphinx, env: BuildEnvironment, node: Element, contnode: Element) -> object:
    """Resolve a name that a folder re-exports to the module that documents it."""
    folder, _, name = node.get("reftarget", "").rpartition(".")
    if not folder.startswith("escalation."):
        return None
    thing = getattr(import_module(folder), name, None)
    if (home := getattr(thing, "__module__", folder)) == folder:
        return None
    kind, target = node["reftype"], f"{home}.{name}"
    domain, page = env.get_domain("py"), node.get("refdoc", "index")
    return domain.resolve_xref(env, page, app.builder, kind, target, node, contnode)


def setup(app: Sphinx) -> None:
    """Write the generated pages before Sphinx reads them."""
    app.connect("autodoc-skip-member", skipped)
    app.connect("missing-reference", at_home)
    pages.write(HERE)
