"""Environments in which peers run; that of the extraction's is made when it is first needed, or has changed."""

import hashlib
import re
import subprocess
import sys
import venv
from pathlib import Path

from benchmarks.speed.common import ROOT

FOLDER = ROOT / ".venv-bench"
REQUIREMENTS = Path(__file__).parent / "requirements-peers.txt"
WITHOUT_DEPENDENCIES = "thingsvision==2.7.3"
# Taken at the versions of constraints.txt; the rest follows from the peers.
SHARED = ("torch", "torchvision", "numpy", "scipy", "scikit-learn", "pandas", "h5py", "matplotlib", "xarray", "zarr")


def peers_python() -> str:
    """Return the interpreter of the peers' environment; made first if need be, which takes some minutes."""
    pins = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if _name(line) in SHARED]
    wanted = hashlib.sha256("\n".join([*pins, WITHOUT_DEPENDENCIES, REQUIREMENTS.read_text()]).encode()).hexdigest()
    stamp, python = FOLDER / ".installed", FOLDER / "bin" / "python"
    if not (stamp.exists() and stamp.read_text() == wanted):
        print(f"making {FOLDER.name} for the peers; this takes some minutes", flush=True)
        venv.create(FOLDER, clear=True, with_pip=True)
        (FOLDER / "constraints.txt").write_text("\n".join(pins) + "\n")
        _pip(python, "-c", str(FOLDER / "constraints.txt"), "-r", str(REQUIREMENTS), "-e", str(ROOT))
        _pip(python, "--no-deps", WITHOUT_DEPENDENCIES)
        stamp.write_text(wanted)
    return str(python)


def latest_python() -> str:
    """Return the interpreter of the newest versions' environment, which holds the analyses' peers."""
    python = ROOT / ".venv-latest" / "bin" / "python"
    if not python.exists():
        raise SystemExit(f"no {python.parents[1].name} here: make it with `make .venv-latest/.installed`")
    return str(python)


def own_python() -> str:
    """Return the interpreter of the package's own environment, which holds Brain-Score."""
    return sys.executable


def _name(line: str) -> str:
    return re.split(r"[=<>\s]", line, maxsplit=1)[0].lower()


def _pip(python: Path, *arguments: str) -> None:
    done = subprocess.run([str(python), "-m", "pip", "install", "--quiet", *arguments], stdout=sys.stderr, check=False)
    if done.returncode:
        raise SystemExit(f"pip could not install {' '.join(arguments)}: see above")
