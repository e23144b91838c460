import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ventralrnn.stimuli import cache, registry


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20)


@pytest.fixture
def encoded() -> Callable[..., bytes]:
    """Return a function that gives the bytes of a picture file."""

    def encode(image: Image.Image | np.ndarray, format_: str = "PNG", **options: Any) -> bytes:
        image = Image.fromarray(image) if isinstance(image, np.ndarray) else image
        stream = io.BytesIO()
        image.save(stream, format_, **options)
        return stream.getvalue()

    return encode


@pytest.fixture
def gradient() -> np.ndarray:
    """Return a smooth picture, (40, 50, 3), which survives lossy formats well."""
    y, x = np.mgrid[:40, :50]
    return np.stack([x * 5, y * 6, 255 - x * 5], -1).astype(np.uint8)


@pytest.fixture
def folder(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Return a folder of JPEG pictures of mixed sizes in two classes."""
    here = tmp_path / "pictures"
    for name, (height, width) in {
        "dog/b.jpg": (37, 91),
        "dog/a.JPG": (64, 64),
        "cat/d.jpeg": (120, 45),
        "cat/c.jpg": (33, 33),
    }.items():
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8)).save(here / name, "JPEG")
    return here


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the data cache be one folder that does not exist yet."""
    here = tmp_path / "cache"
    monkeypatch.setenv(cache.VARIABLE, str(here))
    return here


@pytest.fixture
def toy_registry(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], None]:
    """Return a function that puts other data sets in the registry's place."""

    def replace(entries: dict[str, Any]) -> None:
        common = {"description": "d", "licence": "l", "citation": "c", "pictures": None}
        sets = {name: registry._data_set(name, {**common, **entry}) for name, entry in entries.items()}
        monkeypatch.setattr(registry, "_registry", lambda: sets)

    return replace
