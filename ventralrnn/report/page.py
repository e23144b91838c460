"""One HTML file that needs nothing else: data, styles and scripts are in it, and it may fetch nothing."""

import base64
import hashlib
import html
import json
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from ventralrnn import __version__
from ventralrnn.arguments import checked
from ventralrnn.errors import AnalysisError
from ventralrnn.files import whole
from ventralrnn.report.collect import Source, collect
from ventralrnn.report.encode import base64_of
from ventralrnn.report.movies import make_movies
from ventralrnn.report.pictures import Album
from ventralrnn.report.views import GROUPS, make_section

_SCRIPTS = ("base.js", "charts.js", "player.js", "start.js")
_GENERATOR = '<meta name="generator" content="ventralrnn report'
_SHOWN = ("model", "brain", "benchmark", "weights_sha256", "command", "source_command", "seed", "licence", "citation")


@checked(AnalysisError)
def write_report(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    stimuli: Sequence[str] = (),
    title: str | None = None,
) -> dict[str, Any]:
    """Write one HTML page over recordings and results, which opens from disk and needs no network.

    Parameters
    ----------
    paths : path or sequence of path
        Recordings (``*.zarr``), results (``*.nc``), and folders of them.
    out : path
        The page, ``*.html``. A page that this function wrote before is replaced.
    stimuli : sequence of str
        Where pictures lie, as :func:`ventralrnn.stimuli.load_stimuli` takes it, if they cannot be found by what a
        recording says about them.
    title : str, optional
        Of the page; by default the models in it.

    Returns
    -------
    dict
        ``path``; ``bytes``; ``sources``, the files shown; ``movies`` and ``sections``, their numbers; ``notes``.

    Raises
    ------
    AnalysisError, RecordingError, StimulusError, DataError
        A path is neither a recording nor a result; there is nothing to show; or `out` cannot be, or is a file that
        this function did not write.

    Examples
    --------
    >>> import numpy as np
    >>> import ventralrnn
    >>> from ventralrnn.report import write_report
    >>> pictures = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    >>> ventralrnn.extract("ventral", pictures, "four.zarr", areas=["IT"], pool="mean").areas
    ('IT',)
    >>> write_report("four.zarr", "report.html")["movies"]
    1
    """
    target = Path(out)
    _check_target(target)
    given = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    sources, notes = collect(given)
    album = Album(stimuli)
    movies, more = make_movies(sources, album)
    sections = [section for source in sources if (section := make_section(source))]
    said = notes + more
    sections.sort(key=lambda section: GROUPS.index(section["group"]))
    data = {
        "title": title or _title(sources),
        "version": __version__,
        "made": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "movies": movies,
        "sections": sections,
        "sources": [_provenance(source) for source in sources],
        "notes": said,
        "colours": {"viridis": _colours("viridis"), "diverging": _colours("RdBu_r")},
    }
    page = fill(data).encode("utf-8", "replace")  # a file name need not be valid UTF-8
    with whole(target) as partial:
        partial.write_bytes(page)
    return {
        "path": str(target),
        "bytes": len(page),
        "sources": [str(source.path) for source in sources],
        "movies": len(movies),
        "sections": len(sections),
        "notes": said + [f"{movie['source']}: {note}" for movie in movies for note in movie["notes"]],
    }


def fill(data: dict[str, Any]) -> str:
    """Return the page.

    Parameters
    ----------
    data : dict
        What it shows. All text in it, such as the names of files, is shown as text, whatever it holds.

    Returns
    -------
    str
        HTML whose policy lets no script but its own run and nothing be fetched.
    """
    assets = files("ventralrnn.report") / "assets"
    style = (assets / "report.css").read_text(encoding="utf-8")
    script = "\n".join((assets / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    script = f'"use strict";\n(() => {{\n{script}\n}})();'
    policy = (
        f"default-src 'none'; img-src data: blob:; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    # Inside a script element only "<" can end the data early; these are the same characters to JSON.
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=str)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    parts = {
        "POLICY": policy,
        "VERSION": html.escape(data["version"]),
        "TITLE": html.escape(data["title"]),
        "STYLE": style,
        "DATA": text,
        "SCRIPT": script,
    }
    pieces = (assets / "report.html").read_text(encoding="utf-8").split("@@")
    # Every second piece is a name: what is put in is never looked through for names.
    return "".join(parts[piece] if place % 2 else piece for place, piece in enumerate(pieces))


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _check_target(target: Path) -> None:
    if target.suffix.lower() not in (".html", ".htm"):
        raise AnalysisError(f"{target}: the report is a web page: give a name that ends in .html")
    if not target.parent.is_dir():
        raise AnalysisError(f"{target}: there is no folder {target.parent}")
    if target.is_dir():
        raise AnalysisError(f"{target}: is a folder")
    if target.exists() and _GENERATOR.encode() not in target.read_bytes()[:4096]:
        raise AnalysisError(f"{target}: exists and is no report of ventralrnn: give another name, or remove it")


def _title(sources: Sequence[Source]) -> str:
    models = dict.fromkeys(str(s.attrs["model"]) for s in sources if s.attrs.get("model"))
    return ", ".join(models) or sources[0].path.stem


def _provenance(source: Source) -> dict[str, Any]:
    """Return what the page says about where a file comes from."""
    attrs = source.attrs
    return {
        "name": source.path.name,
        "path": str(source.path),
        "kind": source.kind,
        "simulated": source.simulated,
        "facts": list(_facts(attrs)),
        "all": json.dumps(attrs, indent=1, default=str, ensure_ascii=False),
    }


def _facts(attrs: dict[str, Any]) -> Iterator[list[str]]:
    for key in _SHOWN:
        for name in (key, f"brain_{key}"):
            if attrs.get(name) not in (None, "", "-"):
                value = str(attrs[name])
                # Twelve digits tell weights apart; all of them are among the attributes.
                yield [name.replace("_", " "), value[:12] if key == "weights_sha256" else value]
    stimuli = attrs.get("stimuli")
    if isinstance(stimuli, dict):
        yield ["stimuli", f"{stimuli.get('name')}, {stimuli.get('number')} of them"]
    if isinstance(attrs.get("versions"), dict):
        yield ["versions", ", ".join(f"{name} {version}" for name, version in attrs["versions"].items())]


def _colours(name: str) -> str:
    """Return 256 colours, three bytes each."""
    from matplotlib import colormaps

    table = np.asarray(colormaps[name](np.linspace(0, 1, 256)))[:, :3]
    return base64_of(np.rint(255 * table).astype(np.uint8).tobytes())
