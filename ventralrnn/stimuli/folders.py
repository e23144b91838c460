"""A folder of pictures as a set of stimuli."""

import os
from collections.abc import Iterator
from pathlib import Path

from ventralrnn.errors import StimulusError
from ventralrnn.stimuli.files import FileStimuli, is_picture
from ventralrnn.stimuli.pictures import EXTENSIONS


def from_folder(folder: str | Path, degrees: float | None = None) -> FileStimuli:
    """Take all pictures in a folder and its sub-folders, sorted by relative path.

    Parameters
    ----------
    folder : path-like
        Hidden files and folders are passed over; other files that are no pictures are counted in ``ignored``.
    degrees : float, optional
        Visual angle that every picture's shorter side spans, in degrees.

    Returns
    -------
    FileStimuli
        Ids are relative paths with forward slashes. Where all pictures lie one folder deep, that folder's name is
        their label.

    Raises
    ------
    StimulusError
        The folder holds no pictures.
    """
    folder = Path(folder)
    found = sorted(_visible_files(folder))
    ids = [name for name in found if is_picture(name)]
    if not ids:
        others = f"; it holds {len(found)} other files" if found else ""
        raise StimulusError(f"{folder}: no pictures in this folder (looked for {', '.join(EXTENSIONS)}){others}")
    one_deep = all(name.count("/") == 1 for name in ids)
    return FileStimuli(
        [folder / name for name in ids],
        ids,
        labels=[name.split("/")[0] for name in ids] if one_deep else None,
        degrees=degrees,
        name=folder.resolve().name or str(folder),
        ignored=len(found) - len(ids),
    )


def _visible_files(folder: Path) -> Iterator[str]:
    """Yield the relative path, with forward slashes, of every file in a folder that is not hidden."""
    # Links to folders are followed, for class folders are often links; each folder once, for links can form a ring.
    seen = {os.path.realpath(folder)}
    for here, folders, files in os.walk(folder, followlinks=True, onerror=_refuse):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in list(folders):
            real = os.path.realpath(os.path.join(here, name))
            if real in seen:
                folders.remove(name)
            seen.add(real)
        for name in files:
            path = Path(here, name)
            if not name.startswith(".") and path.is_file():
                yield path.relative_to(folder).as_posix()


def _refuse(error: OSError) -> None:
    # os.walk would pass over a folder that it cannot list, and the set would be smaller without a word.
    raise StimulusError(f"{error.filename}: {error.strerror}") from error
