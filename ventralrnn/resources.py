"""Where the files that ship with the package lie: embedded stimuli, checkpoints, data cards."""

from importlib import resources
from pathlib import Path


def data_dir() -> Path:
    """Return the folder ``data/`` of a source tree, or its installed copy.

    Returns
    -------
    pathlib.Path
        An existing folder.
    """
    source_tree = Path(__file__).resolve().parents[1] / "data"
    if (source_tree / "README.md").exists():
        return source_tree
    return Path(str(resources.files("ventralrnn_data")))
