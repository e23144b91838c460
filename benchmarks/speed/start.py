"""``ventralrnn --help``: how long it takes to start, against the smallest typer program."""

import sys
import tempfile
from pathlib import Path

from benchmarks.speed.common import Command, Row, compare, take_turns
from benchmarks.speed.environment import peers_python

ROUNDS, SECONDS = 25, 40.0
LIMIT_MS, LIMIT_RATIO = 300.0, 1.5
PROGRAM = '''import typer
app = typer.Typer()
@app.command()
def hello(name: str) -> None: """Say hello."""; print(f"Hello {name}")
app()
'''


def measure() -> list[Row]:
    """Return the start in the package's own environment, and both in the peers', which holds typer."""
    with tempfile.TemporaryDirectory() as scratch:
        program = Path(scratch) / "program.py"
        program.write_text(PROGRAM)
        python = peers_python()
        arms = {
            "own": Command([str(Path(sys.executable).with_name("ventralrnn")), "--help"]),
            "ours": Command([str(Path(python).with_name("ventralrnn")), "--help"]),
            "typer": Command([python, str(program), "--help"]),
            "python": Command([python, "-c", "pass"]),
        }
        for arm in arms.values():
            arm.run()
        answers, others = take_turns(arms, ROUNDS, SECONDS)
    own = compare("ventralrnn --help", answers, "own", "own", others=others, limit=LIMIT_MS)
    own.ratio, own.low, own.high, own.against = None, None, None, ""
    against = "typer program --help"
    ours = compare("ventralrnn --help", answers, "ours", "typer", others=others, limit=LIMIT_RATIO)
    ours.against, ours.note = against, "both in the peers' environment, the same interpreter"
    bare = compare("python -c pass", answers, "python", "typer", others=others)
    bare.against, bare.note = against, "what no Python program can go below"
    return [own, ours, bare]
