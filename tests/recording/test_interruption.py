"""Killed at any moment and resumed, a recording is bit-identical to an undisturbed one."""

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.recording import models
from tests.recording.common import assert_same_store, inputs, tiny, write_pictures
from tests.recording.processes import finish, start
from ventralrnn import extract
from ventralrnn.cli.main import main
from ventralrnn.errors import RecordingError
from ventralrnn.networks import Preprocessing
from ventralrnn.recording import Recording, layout, open_recording
from ventralrnn.recording.journal import Entry, Journal
from ventralrnn.recording.store import partial_path
from ventralrnn.zoo import save_checkpoint

# 16 rows of V1 and V2 are whole pages and are written past the page cache, those of IT are not; chunks hold 20 rows.
STIMULI, BATCH, CHUNK_ROWS = 48, 16, 20
SIZE_8 = Preprocessing(size=8, crop=0.875, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
SLOW = """
import os
import time
import torch

class Slow(torch.nn.Module):
    def forward(self, x):
        time.sleep(float(os.environ.get("PAUSE", "0")))
        return x

def slow():
    return torch.nn.Sequential(Slow())
"""


@dataclass
class Arena:
    """A checkpoint, stimuli, and the recording that every interrupted one must equal."""

    folder: Path
    expected: Path

    @property
    def options(self) -> dict[str, Any]:
        return {
            "model": str(self.folder / "tiny.safetensors"),
            "stimuli": str(self.folder / "stimuli.npy"),
            "chunk_rows": CHUNK_ROWS,
            "batch_size": BATCH,
        }

    def resume(self, out: Path, resume: bool = True) -> Recording:
        stimuli = np.load(self.folder / "stimuli.npy")
        return extract(self.options["model"], stimuli, out, batch_size=BATCH, command="the same", resume=resume)


@pytest.fixture(scope="module")
def _arena(tmp_path_factory: pytest.TempPathFactory) -> Arena:
    folder = tmp_path_factory.mktemp("arena")
    save_checkpoint(tiny(), folder / "tiny.safetensors")
    np.save(folder / "stimuli.npy", inputs(STIMULI))
    return Arena(folder, folder / "expected.zarr")


@pytest.fixture
def arena(_arena: Arena, monkeypatch: pytest.MonkeyPatch) -> Arena:
    monkeypatch.setattr(layout, "_CHUNK_ROWS", CHUNK_ROWS)
    if not _arena.expected.exists():
        _arena.resume(_arena.expected)
    return _arena


def test_the_arena_has_what_makes_it_hard(arena: Arena) -> None:
    recording = open_recording(arena.expected)
    chunks = {area: len(list((arena.expected / area / "activations/c").iterdir())) for area in recording}
    assert chunks == {"V1": 3, "V2": 3, "IT": 3}
    assert {area: recording[area].sizes["neuroid"] * 4 * BATCH % 4096 for area in recording} == {
        "V1": 0,
        "V2": 0,
        "IT": 1280,
    }


@pytest.mark.parametrize("small_batch", [0, 1 << 30], ids=["written by a thread", "written at once"])
def test_killed_at_changes_of_files_with_writes_half_done(arena: Arena, tmp_path: Path, small_batch: int) -> None:
    options, report = {**arena.options, "small_batch": small_batch}, tmp_path / "report.json"
    assert finish(start(**options, out=str(tmp_path / "a.zarr"), report=str(report))) == 0
    assert_same_store(tmp_path / "a.zarr", arena.expected)
    changes = json.loads(report.read_text())["changes"]
    assert changes > 100
    # At every so many, and at the first and last ones.
    for kill_at in (0, 1, 2, 3, *range(5, changes, changes // 16), changes - 2, changes - 1):
        out = tmp_path / f"{kill_at}.zarr"
        assert finish(start(**options, out=str(out), kill_at=kill_at)) == -signal.SIGKILL
        if out.exists():  # then it is whole
            assert_same_store(out, arena.expected)
        arena.resume(out)
        assert not partial_path(out).exists()
        assert_same_store(out, arena.expected)


def test_killed_at_random_moments_again_and_again(arena: Arena, tmp_path: Path) -> None:
    out, kills = tmp_path / "0.zarr", 0
    while kills < 8:
        if out.exists():  # it was faster than the kill: the next one
            assert_same_store(out, arena.expected)
            out = tmp_path / f"{kills}.zarr"
        process = start(**arena.options, out=str(out), pause=0.005, resume=True)
        journal = partial_path(out) / "journal.jsonl"
        while not journal.exists() and process.is_alive():
            time.sleep(0.001)
        time.sleep(random.uniform(0, 0.12))
        process.kill()
        kills += finish(process) == -signal.SIGKILL
    arena.resume(out)
    assert_same_store(out, arena.expected)


def test_ctrl_c_keeps_what_is_finished(tmp_path: Path) -> None:
    model = tmp_path / "slow.py"
    model.write_text(SLOW)
    folder = write_pictures(tmp_path / "pictures", 40)
    out, options = tmp_path / "a.zarr", ["--area", "a=0", "--batch-size", "2", "--size", "8"]
    arguments = ["extract", f"{model}:slow", str(folder), "--out", str(out), *options]
    command, environment = [sys.executable, "-m", "ventralrnn", *arguments], {**os.environ, "PAUSE": "0.2"}
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        # A shell lets what it runs in the background ignore Ctrl-C, and so would everything that is started from there.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    journal = partial_path(out) / "journal.jsonl"
    while process.poll() is None and not (journal.exists() and journal.read_bytes().count(b"\n") >= 3):
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    kept = f"what was recorded is kept in {partial_path(out)}; the same command with --resume goes on"
    assert said.strip() == f"ventralrnn: interrupted: {kept}"
    batches = journal.read_bytes().count(b"\n") - 1
    assert 2 <= batches < 20
    kept = (partial_path(out) / "a/activations/c/0/0/0").read_bytes()
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--resume"])
    assert not ended.value.code
    recording = open_recording(out)
    # What was kept is part of the whole, which is what a run of its own gives.
    rows = len(kept) // (3 * 8 * 8 * 4)
    assert rows >= 2 * batches
    assert recording["a"][:rows].values.tobytes() == kept
    expected = extract(torch.nn.Identity(), folder, tmp_path / "b.zarr", areas={"a": ""}, preprocessing=SIZE_8)
    np.testing.assert_array_equal(recording["a"].values, expected["a"].values)


def test_two_at_once(arena: Arena, tmp_path: Path) -> None:
    out = tmp_path / "a.zarr"
    gate = tmp_path / "gate"
    first = start(**arena.options, out=str(out), gate=str(gate))
    journal = partial_path(out) / "journal.jsonl"
    while not (journal.exists() and journal.stat().st_size) and first.is_alive():
        time.sleep(0.001)
    with pytest.raises(RecordingError, match=r"a\.zarr\.partial: another process is writing this recording"):
        arena.resume(out)
    with pytest.raises(RecordingError, match="an unfinished recording is there"):
        arena.resume(out, resume=False)
    gate.touch()
    assert finish(first) == 0
    assert_same_store(out, arena.expected)


def test_an_unfinished_recording_is_not_started_anew(arena: Arena, tmp_path: Path) -> None:
    out = tmp_path / "a.zarr"
    assert finish(start(**arena.options, out=str(out), kill_at=60)) == -signal.SIGKILL
    with pytest.raises(RecordingError, match=r"a\.zarr\.partial: an unfinished .* resume=True, or remove"):
        arena.resume(out, resume=False)
    with pytest.raises(RecordingError, match=r"no recording is there; .*a\.zarr\.partial is unfinished: .* --resume"):
        open_recording(out)


def test_resuming_what_is_finished_changes_nothing(arena: Arena, tmp_path: Path) -> None:
    out = tmp_path / "a.zarr"
    arena.resume(out)  # with nothing to resume, it starts
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    recording = arena.resume(out)
    assert recording.path == out
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
    with pytest.raises(RecordingError, match=r"a\.zarr: is there already: give another name for `out`, or remove it"):
        arena.resume(out, resume=False)


def test_pictures_left_out_are_the_same_after_a_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_pictures(tmp_path / "pictures", 11)
    for name in ("000", "004", "005", "006", "007", "010"):  # the first, a whole batch, the whole last batch
        (folder / f"{name}.png").write_bytes(b"no picture")
    (folder / "008.png").rename(folder / "0071.png")

    def record(out: Path) -> Recording:
        return extract(tiny(), folder, out, batch_size=2, skip_bad=True, resume=True, command="the same")

    whole = record(tmp_path / "whole.zarr")
    names = ["001", "002", "003", "0071", "009"]
    assert whole["IT"].stimulus_id.values.tolist() == [f"{name}.png" for name in names]
    commit = Journal.commit
    for batches in range(1, 6):
        out = tmp_path / f"{batches}.zarr"
        written = itertools.count(1)

        def stop(journal: Journal, entry: Entry, written: Iterator[int] = written, last: int = batches) -> None:
            commit(journal, entry)
            if next(written) == last:
                raise KeyboardInterrupt

        monkeypatch.setattr(Journal, "commit", stop)
        with pytest.raises(KeyboardInterrupt):
            record(out)
        monkeypatch.undo()
        assert len((partial_path(out) / "journal.jsonl").read_text().splitlines()) == 1 + batches
        record(out)
        assert_same_store(out, whole.path)


def test_a_model_with_noise_goes_on_as_if_nothing_had_been(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = models.noisy()
    options: dict[str, Any] = {"areas": {"a": "area"}, "batch_size": 4, "command": "the same", "resume": True}
    whole = extract(model, inputs(10), tmp_path / "whole.zarr", **options)
    out, commit = tmp_path / "a.zarr", Journal.commit

    def stop(journal: Journal, entry: Entry) -> None:
        commit(journal, entry)
        raise KeyboardInterrupt

    monkeypatch.setattr(Journal, "commit", stop)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            extract(model, inputs(10), out, **options)
        torch.rand(7)
    monkeypatch.undo()
    extract(model, inputs(10), out, **options)
    assert_same_store(out, whole.path)


class TestJournal:
    HEADER = {"identity": {"a": 1}}

    def test_a_torn_line_is_dropped(self, tmp_path: Path) -> None:
        path = tmp_path / "j"
        line = '{"stop": 2, "indices": [0, 1], "digests": ["a", "b"], "bad": []}'
        path.write_text('{"identity": {"a": 1}}\n' + line + '\n{"st')
        journal = Journal(path, {}, resume=True)
        assert journal.header == self.HEADER
        assert (journal.consumed, journal.rows) == (2, 2)
        journal.close()
        assert path.read_text().endswith("[]}\n")

    @pytest.mark.parametrize("text", ["", '{"identity": {"a'])
    def test_a_torn_header_is_written_anew(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "j"
        path.write_text(text)
        journal = Journal(path, self.HEADER, resume=True)
        assert (journal.header, journal.consumed) == (self.HEADER, 0)
        journal.close()
        assert path.read_text() == '{"identity": {"a": 1}}\n'

    def test_it_is_closed_once(self, tmp_path: Path) -> None:
        journal = Journal(tmp_path / "j", self.HEADER, resume=False)
        journal.close()
        other = os.open(tmp_path / "other", os.O_CREAT | os.O_WRONLY)  # gets the number that has become free
        journal.close()
        os.write(other, b"x")
        os.close(other)
