"""Pages whose blocks are run, in order, in one folder: what they print and draw is shown below each.

A page says so in its first line, ``<!-- run -->``. Console blocks run the commands that begin with ``ventralrnn``;
python blocks share their names. A picture (``*.png``) that a block writes is shown under it.
"""

import contextlib
import io
import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MARK = "<!-- run -->\n"
BLOCK = re.compile(r"```(console|python)\n(.*?)```\n", re.DOTALL)


def run_block(language: str, code: str, names: dict[str, Any]) -> str:
    """Run one block, and return what it prints."""
    from ventralrnn.cli.main import main

    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()) as errors:
        if language == "python":
            exec(compile(code, "block", "exec"), names)
        for line in code.splitlines() if language == "console" else ():
            words = shlex.split(line, comments=True)
            if words[:1] != ["ventralrnn"]:
                continue
            try:
                main(words[1:])
            except SystemExit as end:
                if end.code:
                    raise RuntimeError(f"{line}: status {end.code}: {errors.getvalue()}") from None
    return said.getvalue().replace(f"{ROOT}/", "").rstrip()


def run_page(text: str, folder: Path) -> Iterator[tuple[re.Match[str], str, list[Path]]]:
    """Run the blocks of a page in a folder; for each, yield where it is, what it printed, and the pictures it drew."""
    names: dict[str, Any] = {"__name__": "__main__"}
    with contextlib.chdir(folder):
        for block in BLOCK.finditer(text):
            before = set(folder.glob("*.png"))
            printed = run_block(block[1], block[2], names)
            yield block, printed, sorted(set(folder.glob("*.png")) - before)


def _show(app: Any, name: str, source: list[str]) -> None:
    """Put below every block what it printed and drew."""
    if not source[0].startswith(MARK):
        return
    pictures = Path(app.srcdir) / "auto_runs" / name
    pictures.mkdir(parents=True, exist_ok=True)
    shown, end = [], len(MARK)
    with tempfile.TemporaryDirectory() as folder:
        for block, printed, drawn in run_page(source[0], Path(folder)):
            shown.append(source[0][end : block.end()])
            end = block.end()
            if printed:
                shown.append(f"\n```{{code-block}} text\n:class: printed\n\n{printed}\n```\n")
            for picture in drawn:
                shutil.copy(picture, pictures)
                place = os.path.relpath(pictures / picture.name, (Path(app.srcdir) / name).parent)
                shown.append(f"\n![{picture.stem}]({place})\n")
    source[0] = "".join([*shown, source[0][end:]])


def setup(app: Any) -> dict[str, bool]:
    app.connect("source-read", _show)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
