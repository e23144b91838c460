"""Pages to look into: a small recording of pictures in two folders, and what a page says it holds."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.recording.common import tiny
from ventralrnn import extract
from ventralrnn.recording import Recording

LABELS = ("cat", "dog", "ship")


def write_labelled(folder: Path, each: int = 4, labels: tuple[str, ...] = LABELS) -> Path:
    """Write pictures, one folder a label."""
    random = np.random.default_rng(1)
    for label in labels:
        (folder / label).mkdir(parents=True)
        for number in range(each):
            pixels = random.integers(0, 256, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{number}.png")
    return folder


def record(pictures: Path, path: Path, **options: Any) -> Recording:
    """Record the small network (V1 from 50, V2 from 60, IT from 65 ms; five steps), saying where the pictures lie."""
    return extract(tiny(), str(pictures), path, command=f"ventralrnn extract tiny {pictures} --out {path}", **options)


def data_of(page: Path) -> Any:
    """Return what a page holds, as its own script reads it."""
    (text,) = re.findall(
        r'<script type="application/json" id="data">(.*?)</script>', page.read_text("utf-8"), re.DOTALL
    )
    return json.loads(text)


def decoded(movie: dict[str, Any], area: int) -> np.ndarray:
    """Return the dissimilarities (time, pair) of an area of a movie; NaN where there is none."""
    count, one = len(movie["stimuli"]), movie["areas"][area]
    levels = np.frombuffer(base64.b64decode(one["frames"]), np.uint8).reshape(-1, count * (count - 1) // 2)
    values = np.full((len(one["reached"]), levels.shape[1]), np.nan)
    seen = one["low"] + levels * (one["high"] - one["low"]) / 254
    values[np.array(one["reached"])] = np.where(levels == 255, np.nan, seen)
    return values
