"""Pages of the docs with places for what is measured."""

from pathlib import Path

from ventralrnn.errors import TrainingError

DOCS = Path(__file__).resolve().parents[1] / "docs"


def write_block(page: Path, name: str, text: str) -> None:
    """Put a text into its place on a page, between ``<!-- name -->`` and ``<!-- end of name -->``."""
    start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    content = page.read_text(encoding="utf-8")
    if start not in content or end not in content:
        raise TrainingError(f"{page}: has no place for {name}: put {start.strip()} and {end} there")
    before, rest = content.split(start)
    partial = page.with_name(f".{page.name}.partial")
    partial.write_text(f"{before}{start}{text}\n{end}{rest.split(end)[1]}", encoding="utf-8")
    partial.replace(page)
