"""Links to files of the repository that are no pages: a copy of the file is offered, a folder is named.

The Markdown pages are read both here and in the repository, where a link to ``../data/checkpoints`` opens a folder.
"""

from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[2]


def _resolve(app: Sphinx, env: object, node: addnodes.pending_xref, content: nodes.Element) -> nodes.Node | None:
    """Return the text of a link to a folder of the repository, set as code."""
    target = node.get("reftarget", "")
    place = (Path(app.srcdir) / node.get("refdoc", "")).parent / target.split("#")[0]
    if node.get("reftype") != "myst" or not place.exists():
        return None
    inside = place.resolve().relative_to(ROOT).as_posix()
    return nodes.literal(inside, inside) if content.astext() == inside else nodes.inline("", "", *content.children)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("missing-reference", _resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
