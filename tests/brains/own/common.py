"""What the page on a user's own data names, written by the tests."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

PAGE = (Path(__file__).parents[3] / "docs" / "your-data.md").read_text()
NAMES = [f"s{i}" for i in range(6)]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def described(folder: Path, **content: Any) -> Path:
    (folder / "my_data.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return folder / "my_data.yaml"


def write_pictures(folder: Path, count: int) -> list[str]:
    random = np.random.default_rng(0)
    for number in range(count):
        place = folder / "pictures" / ("cat", "dog")[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 128, (32, 32, 3), dtype=np.uint8) + np.uint8(100 * (number % 2))
        Image.fromarray(pixels).save(place / f"{number:02d}.png")
    return sorted(f.relative_to(folder / "pictures").as_posix() for f in (folder / "pictures").rglob("*.png"))


def write_csv(path: Path, header: list[str], rows: list[tuple[Any, ...]]) -> None:
    path.write_text("\n".join(",".join(map(str, row)) for row in [header, *rows]) + "\n")
