"""Every object has one page; a reference by any other public path, or by its bare name, leads there."""

import importlib
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode


def find(path: str) -> Any:
    """Return the object at a dotted path, or None."""
    parts = path.split(".")
    for split in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:split]))
        except ImportError:
            continue
        for name in parts[split:]:
            found = getattr(found, name, None)
        return found
    return None


def _meant(node: addnodes.pending_xref) -> list[Any]:
    """Return what a reference may mean: by its full path, or seen from where it is written."""
    target = node["reftarget"].lstrip(".~")
    written = (node.source or "").partition("docstring of ")[2].split(":")[0]
    homes = [written.rsplit(".", levels)[0] for levels in range(3) if written.count(".") >= levels]
    places = [node.get("py:module"), *homes]
    paths = [target, *(f"{place}.{target}" for place in places if place)]
    return [found for path in paths if (found := find(path)) is not None]


def _resolve(app: Sphinx, env: BuildEnvironment, node: addnodes.pending_xref, content: nodes.Element) -> Any:
    """Return a link to the page of the object that is meant; of what is there but is not public, its name."""
    if node.get("refdomain") != "py":
        return None
    target, meant = node["reftarget"].lstrip(".~"), _meant(node)
    objects = env.get_domain("py").objects.items()
    pages = {name: entry for name, entry in objects if entry.objtype != "module" and not entry.aliased}
    # Constants are equal to others by chance; what has a module is itself.
    same = [name for name in pages if any(find(name) is one for one in meant if hasattr(one, "__module__"))]
    alike = [name for name in pages if name.split(".")[-1] == target]
    for name in same or (alike if len(alike) == 1 else []):
        return make_refnode(app.builder, node["refdoc"], pages[name].docname, pages[name].node_id, content, name)
    return content if meant else None


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("missing-reference", _resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
