"""Help texts of commands are plain text: what means something in reStructuredText is escaped."""

import re

import click
from sphinx.application import Sphinx

PARTS = ("description", "options", "arguments", "epilog")


def _escape(app: Sphinx, context: click.Context, lines: list[str]) -> None:
    for number, line in enumerate(lines):
        if line.lstrip().startswith(".. "):
            continue
        if re.search(r"(?<!`)`[^`]+`(?!`)", line) and "``" not in line:
            line = re.sub(r"`([^`]+)`", r"``\1``", line)
        line = re.sub(r"PosixPath\('(.*?)'\)", r"'\1'", line)
        # Stars outside of what is set as code.
        pieces = re.split(r"(``.*?``)", line)
        lines[number] = "".join(p if p.startswith("``") else p.replace("*", r"\*") for p in pieces)


def setup(app: Sphinx) -> dict[str, bool]:
    for part in PARTS:
        app.connect(f"sphinx-click-process-{part}", _escape)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
