"""Equations as MathML, which browsers draw themselves: the site needs no network and no script for them."""

import re

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator


def _mathml(latex: str, display: str) -> str:
    try:
        drawn = convert(latex, display=display)
    except Exception as error:
        raise ExtensionError(f"equation {latex!r}: {error}") from error
    # What it does not know it passes on as it is, and readers would see it.
    if left := re.search(r">[^<]*\\[^<]*<", drawn):
        raise ExtensionError(f"equation {latex!r}: {left[0].strip('<>')} is not understood")
    return drawn


def _visit_inline(self: HTML5Translator, node: nodes.math) -> None:
    self.body.append(_mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def _visit_block(self: HTML5Translator, node: nodes.math_block) -> None:
    self.body.append(self.starttag(node, "div", CLASS="math"))
    self.body.append(_mathml(node.astext(), "block"))
    if node["number"]:
        number = get_node_equation_number(self, node)
        self.body.append(f'<span class="eqno">({number})</span>')
    self.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", (_visit_inline, None), (_visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
