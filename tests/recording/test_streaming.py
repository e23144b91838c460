"""Memory does not grow with the number of stimuli, and the disk is asked first."""

import errno
import json
import os
import shutil
import subprocess
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.recording.common import assert_same_store, inputs, tiny
from tests.recording.processes import finish, start
from ventralrnn import extract
from ventralrnn.cli.main import main
from ventralrnn.errors import RecordingError
from ventralrnn.networks import Preprocessing
from ventralrnn.recording import Recording, layout, writer
from ventralrnn.recording.store import partial_path
from ventralrnn.stimuli import ArrayStimuli
from ventralrnn.zoo import save_checkpoint

Usage = namedtuple("Usage", ["total", "used", "free"])


def record(out: Path, **options: Any) -> Recording:
    return extract(tiny(), inputs(40), out, batch_size=8, command="the same", **options)


@pytest.fixture
def expected(tmp_path: Path) -> Path:
    return record(tmp_path / "expected.zarr").path


def test_memory_does_not_grow_with_the_number_of_stimuli(tmp_path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)).save(tmp_path / "a.png")
    save_checkpoint(tiny(), tmp_path / "tiny.safetensors")
    peaks, sizes = [], []
    for count in (200, 2000):
        stimuli, out, report = (tmp_path / f"{count}.{kind}" for kind in ("csv", "zarr", "json"))
        stimuli.write_text("stimulus_id,path\n" + "".join(f"{i},a.png\n" for i in range(count)))
        process = start(
            model=str(tmp_path / "tiny.safetensors"),
            stimuli=str(stimuli),
            out=str(out),
            report=str(report),
            preprocessing=Preprocessing(32),
            batch_size=50,
        )
        assert finish(process) == 0
        peaks.append(json.loads(report.read_text())["peak"])
        sizes.append(sum(path.stat().st_size for path in out.rglob("*")))
        shutil.rmtree(out)
    assert abs(peaks[1] - peaks[0]) < 0.05 * peaks[0]
    assert sizes[1] - sizes[0] > 0.25 * peaks[0]  # what would have stayed in memory


class Filling(ArrayStimuli):
    """Does something when it comes to one of its stimuli."""

    at = 20

    def load(self, index: int, *arguments: Any) -> Any:
        if index == self.at:
            self.fill()
        return super().load(index, *arguments)

    def fill(self) -> None:
        raise NotImplementedError


def full_after(monkeypatch: pytest.MonkeyPatch, name: str, calls: int, folder: str) -> None:
    """Let a function of os find the disk full from some call on that writes into a folder, with half a write first."""
    write = getattr(os, name)
    done = 0

    def wrapper(file: int, data: Any, *rest: Any) -> int:
        nonlocal done
        if folder not in os.readlink(f"/proc/self/fd/{file}"):
            return int(write(file, data, *rest))
        done += 1
        if done > calls + 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return int(write(file, memoryview(data)[: len(data) // 2] if done == calls + 1 else data, *rest))

    monkeypatch.setattr(os, name, wrapper)


@pytest.mark.parametrize(("name", "calls"), [("pwrite", 0), ("pwrite", 5), ("pwrite", 30), ("write", 1), ("write", 3)])
def test_a_disk_that_fills_up(
    tmp_path: Path, expected: Path, monkeypatch: pytest.MonkeyPatch, name: str, calls: int
) -> None:
    out = tmp_path / "a.zarr"
    full_after(monkeypatch, name, calls, str(partial_path(out)))
    with pytest.raises(OSError, match="No space left") as raised:
        record(out)
    assert raised.value.errno == errno.ENOSPC
    assert str(raised.value.filename).startswith(str(partial_path(out)))
    monkeypatch.undo()
    journal = partial_path(out) / "journal.jsonl"
    # A batch is 12 writes of states, and one line in the journal.
    finished = {("pwrite", 30): 2, ("write", 3): 2}.get((name, calls), 0)
    assert (journal.read_bytes().count(b"\n") - 1 if journal.exists() else 0) == finished
    record(out, resume=True)
    assert_same_store(out, expected)


def test_a_disk_that_is_said_to_be_full_when_a_file_is_closed(
    tmp_path: Path, expected: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As network file systems do; the journal must not have counted what was not written then."""
    out, close, closed = tmp_path / "a.zarr", os.close, 0

    def full(file: int) -> None:
        nonlocal closed
        path = os.readlink(f"/proc/self/fd/{file}")
        close(file)
        closed += "activations" in path
        if closed == 20:  # in the second batch of 12 writes
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "close", full)
    with pytest.raises(OSError, match="No space left"):
        record(out)
    monkeypatch.undo()
    assert (partial_path(out) / "journal.jsonl").read_bytes().count(b"\n") == 2
    record(out, resume=True)
    assert_same_store(out, expected)


def test_a_disk_that_fills_up_while_the_recording_is_finished(
    tmp_path: Path, expected: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import zarr

    out = tmp_path / "a.zarr"
    put = zarr.Array.__setitem__

    def full(array: Any, *arguments: Any) -> None:
        if "IT/label" in str(array.store_path) or "IT/stimulus_id" in str(array.store_path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        put(array, *arguments)

    monkeypatch.setattr(zarr.Array, "__setitem__", full)
    with pytest.raises(OSError, match="No space left"):
        record(out)
    monkeypatch.undo()
    assert not out.exists()
    record(out, resume=True)
    assert_same_store(out, expected)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of 1.5 MB, where that is allowed."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1536k", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a file system cannot be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_real_disk_that_fills_up(
    small_disk: Path, tmp_path: Path, expected: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, filler = small_disk / "a.zarr", small_disk / "filler"

    class Stimuli(Filling):
        def fill(self) -> None:
            filler.write_bytes(bytes(shutil.disk_usage(small_disk).free - (1 << 17)))

    with pytest.raises(OSError, match="No space left"):
        extract(tiny(), Stimuli(inputs(40)), out, batch_size=8, command="the same")
    assert (partial_path(out) / "journal.jsonl").read_bytes().count(b"\n") > 1
    # From the command line it is one line, and the status 2.
    save_checkpoint(tiny(), tmp_path / "tiny.safetensors")
    for index, picture in enumerate(inputs(40)):
        Image.fromarray((picture[0] * 50 + 100).clip(0, 255).astype(np.uint8)).save(tmp_path / f"{index:02d}.png")
    filler.unlink()
    # There is room for the states, but not for what says what they are.
    filler.write_bytes(bytes(shutil.disk_usage(small_disk).free - 250_000))
    arguments = ["extract", str(tmp_path / "tiny.safetensors"), str(tmp_path), "--out", str(small_disk / "b.zarr")]
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(f"ventralrnn: error: {small_disk / 'b.zarr.partial'}") and said.count("\n") == 1
    assert ": No space left on device: free some space" in said
    assert said.endswith("; the same command with --resume goes on\n")
    filler.unlink()
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--resume"])
    assert not ended.value.code
    record(out, resume=True)
    assert_same_store(out, expected)


def test_a_disk_that_is_known_to_be_too_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # V1 has 192 neuroids at 5 steps, V2 64 at 4, IT 20 at 3: 5104 bytes a stimulus.
    needed = 40 * 5104
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(needed, 0, needed - 1))
    with pytest.raises(
        RecordingError, match=r"needs 204\.2 kB and 204\.2 kB are free: .* pool='mean', dtype='float16'"
    ):
        record(tmp_path / "a.zarr")
    assert list(tmp_path.iterdir()) == []  # what was asked for can be changed
    record(tmp_path / "b.zarr", dtype="float16")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(needed, 0, needed))
    record(tmp_path / "a.zarr")


def test_what_is_written_already_needs_no_space(
    tmp_path: Path, expected: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stimuli(Filling):
        def fill(self) -> None:
            raise KeyboardInterrupt

    out = tmp_path / "a.zarr"
    with pytest.raises(KeyboardInterrupt):
        extract(tiny(), Stimuli(inputs(40)), out, batch_size=8, command="the same")
    done = 8 * ((partial_path(out) / "journal.jsonl").read_bytes().count(b"\n") - 1)
    assert done
    needed = (40 - done) * 5104
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(needed, 0, needed - 1))
    with pytest.raises(RecordingError, match="are free"):
        record(out, resume=True)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(needed, 0, needed))
    record(out, resume=True)
    assert_same_store(out, expected)


def test_whole_chunks_are_reckoned_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "_CHUNK_ROWS", 16)  # 40 stimuli take three chunks, 48 rows
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(0, 0, 48 * 5104 - 1))
    with pytest.raises(RecordingError, match="are free"):
        record(tmp_path / "a.zarr")
    monkeypatch.undo()
    monkeypatch.setattr(layout, "_CHUNK_ROWS", 16)
    states = [path for path in record(tmp_path / "a.zarr").path.glob("*/activations/c/*/*/0")]
    assert sum(path.stat().st_size for path in states) == 48 * 5104


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="no file system in memory")
def test_a_file_system_in_memory(expected: Path) -> None:
    folder = Path("/dev/shm") / f"ventralrnn-{os.getpid()}"
    try:
        assert_same_store(record(folder / "a.zarr").path, expected)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_a_file_system_without_direct_writing(tmp_path: Path, expected: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_SMALL_BATCH", 0)  # small batches never try
    opened, open_ = [], os.open
    direct = getattr(os, "O_DIRECT", 0)

    def refuse(path: Any, flags: int, *rest: Any) -> int:
        if "activations" in str(path):
            opened.append(bool(flags & direct))
            if flags & direct:
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return open_(path, flags, *rest)

    monkeypatch.setattr(os, "open", refuse)
    out = extract(tiny(), inputs(40), tmp_path / "a.zarr", batch_size=16, command="the same").path
    monkeypatch.undo()
    monkeypatch.setattr(writer, "_SMALL_BATCH", 0)
    # It is tried once, where whole pages are written.
    assert opened.count(True) == 1 and opened.count(False) > 10
    other = extract(tiny(), inputs(40), tmp_path / "b.zarr", batch_size=16, command="the same")
    assert_same_store(out, other.path)


def test_the_parent_folder_is_made(tmp_path: Path, expected: Path) -> None:
    assert_same_store(record(tmp_path / "new" / "folders" / "a.zarr").path, expected)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        record(tmp_path / "file" / "a.zarr")


@pytest.mark.parametrize(("small", "thread"), [(0, "ventralrnn-writer"), (1 << 30, "MainThread")])
def test_decoding_and_writing_large_batches_happen_on_threads_of_their_own(
    tmp_path: Path, small: int, thread: str
) -> None:
    import threading

    names: dict[str, set[str]] = {"read": set(), "written": set()}
    pwrite = os.pwrite

    class Stimuli(Filling):
        at = 30

        def fill(self) -> None:
            names["read"].add(threading.current_thread().name.rsplit("_", 1)[0])

    def note(*arguments: Any) -> int:
        names["written"].add(threading.current_thread().name)
        return int(pwrite(*arguments))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "pwrite", note)
        patch.setattr(writer, "_SMALL_BATCH", small)
        extract(tiny(), Stimuli(inputs(40)), tmp_path / "a.zarr", batch_size=8)
    assert names == {"read": {"stimuli"}, "written": {thread}}
    assert not [thread.name for thread in threading.enumerate() if "ventralrnn" in thread.name]
