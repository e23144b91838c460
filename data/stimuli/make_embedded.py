"""Rebuild the embedded stimuli from CIFAR-10: the first 40 test pictures of each class.

python data/stimuli/make_embedded.py FOLDER   # FOLDER holds cifar-10-batches-bin or cifar-10-batches-py

The files come out byte for byte the same on every computer.
"""

import csv
import struct
import sys
import zlib
from pathlib import Path

import numpy as np

from ventralrnn.stimuli.cifar10 import LABELS, read_cifar10

PER_CLASS = 40


def main(source: Path, target: Path) -> None:
    """Write one PNG file a picture, and the list of them, below a folder."""
    pixels, classes = read_cifar10(source, "test")
    rows = []
    for label, name in enumerate(LABELS):
        for index in np.flatnonzero(classes == label)[:PER_CLASS]:
            path = f"{name}/{index:05d}.png"
            (target / name).mkdir(parents=True, exist_ok=True)
            (target / path).write_bytes(png(pixels[index]))
            rows.append([path, name, f"cifar10-test-{index:05d}", int(index)])
    with open(target / "stimuli.csv", "w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["path", "label", "stimulus_id", "cifar10_test_index"])
        writer.writerows(rows)
    print(f"wrote {len(rows)} pictures below {target}")


def png(picture: np.ndarray) -> bytes:
    """Encode a uint8 picture (y, x, 3) as a PNG file that stores its pixels uncompressed.

    Compressors differ between versions and builds; stored pixels are the same bytes everywhere, and at 32 x 32 they
    cost little.
    """
    height, width, _ = picture.shape
    # Each line of pixels begins with its filter: 0, none.
    lines = b"".join(b"\0" + line.tobytes() for line in np.ascontiguousarray(picture))
    stored = b"\x01" + struct.pack("<HH", len(lines), len(lines) ^ 0xFFFF) + lines
    body = b"\x78\x01" + stored + struct.pack(">I", zlib.adler32(lines))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), Path(__file__).parent / "cifar10")
