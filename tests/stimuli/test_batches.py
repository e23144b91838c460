"""Batches come in order, from bounded memory, the same wherever reading starts, and leave no thread behind."""

import threading
import time
from collections.abc import Sequence

import numpy as np
import pytest

from ventralrnn.errors import StimulusError
from ventralrnn.networks.preprocessing import Preprocessing
from ventralrnn.stimuli import ArrayStimuli, Batch, Stimuli, read_batches

P = Preprocessing(size=4)


class Counted(Stimuli):
    """Stimuli that are their own index, that count their readers, and of which some are bad."""

    def __init__(self, n: int, bad: Sequence[int] = (), seconds: float = 0.0) -> None:
        super().__init__("counted", [f"s{i}" for i in range(n)])
        self.bad, self.seconds = bad, seconds
        self.loaded = 0
        self.threads: set[str] = set()
        self._lock = threading.Lock()

    def load(self, index: int, preprocessing: Preprocessing) -> tuple[np.ndarray, str]:
        # The first of each batch takes longest, so that later batches are ready before earlier ones.
        time.sleep(self.seconds * (1 + index % 2))
        with self._lock:
            self.loaded += 1
            self.threads.add(threading.current_thread().name)
        if index in self.bad:
            raise StimulusError(f"file{index}.png: damaged")
        return np.full((4, 4, 3), index, np.uint8), self.digest(index)

    def digest(self, index: int) -> str:
        return f"{index:016d}"

    def byte_size(self, index: int) -> int:
        return 48


def decoders() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name.startswith("stimuli")]


def test_order_is_kept_while_several_threads_decode() -> None:
    stimuli = Counted(23, seconds=0.001)
    batches = list(read_batches(stimuli, P, 5, workers=4))
    assert [(b.start, b.stop) for b in batches] == [(0, 5), (5, 10), (10, 15), (15, 20), (20, 23)]
    assert [i for b in batches for i in b.indices] == list(range(23))
    assert [i for b in batches for i in b.ids] == list(stimuli.ids)
    assert [d for b in batches for d in b.digests] == [stimuli.digest(i) for i in range(23)]
    assert [p for b in batches for p in b.pixels[:, 0, 0, 0]] == list(range(23))
    assert len(stimuli.threads) > 1
    assert threading.current_thread().name not in stimuli.threads
    assert not decoders()


def test_batches_do_not_depend_on_where_reading_starts() -> None:
    def rows(start: int) -> list[tuple]:
        return [(b.start, b.ids, b.bad) for b in read_batches(Counted(23, bad=[7]), P, 5, start=start, skip_bad=True)]

    whole = rows(0)
    for start in (5, 10, 20):
        assert rows(start) == whole[start // 5 :]
    assert rows(23) == []


def test_reading_ahead_is_bounded() -> None:
    stimuli = Counted(400)
    batches = read_batches(stimuli, P, 4, workers=2, prefetch=3)
    assert stimuli.loaded == 0
    for position in range(10):
        next(batches)
        time.sleep(0.02)
        assert stimuli.loaded <= (position + 1 + 3) * 4
    assert stimuli.loaded == 13 * 4
    batches.close()


def test_closing_early_stops_the_threads_promptly() -> None:
    stimuli = Counted(1000, seconds=0.01)
    batches = read_batches(stimuli, P, 30, workers=2)
    next(batches)
    loaded, start = stimuli.loaded, time.perf_counter()
    batches.close()
    assert time.perf_counter() - start < 0.5
    assert stimuli.loaded <= loaded + 4
    assert not decoders()


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_loop_leaves_no_thread(interruption: type[BaseException]) -> None:
    def consume() -> None:
        for _ in read_batches(Counted(1000, seconds=0.001), P, 10):
            raise interruption

    with pytest.raises(interruption):
        consume()
    assert not decoders()


def test_ctrl_c_while_waiting_for_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    from ventralrnn.stimuli import batches as module

    def interrupted(self: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module.Future, "result", interrupted)
    with pytest.raises(KeyboardInterrupt):
        next(read_batches(Counted(1000, seconds=0.01), P, 10))
    assert not decoders()


def test_a_generator_that_was_never_started_has_no_threads() -> None:
    read_batches(Counted(10), P, 2)
    assert not decoders()


def test_the_first_bad_stimulus_in_order_is_named() -> None:
    batches = read_batches(Counted(20, bad=[6, 9, 17]), P, 4)
    assert next(batches).indices == [0, 1, 2, 3]
    with pytest.raises(StimulusError, match=r"file6\.png: damaged"):
        next(batches)
    assert not decoders()


def test_bad_stimuli_are_left_out_and_listed() -> None:
    batches = list(read_batches(Counted(8, bad=[1, 4, 5, 6, 7]), P, 4, skip_bad=True))
    assert batches[0].indices == [0, 2, 3]
    assert batches[0].bad == [("s1", "file1.png: damaged")]
    assert batches[1].pixels.shape == (0, 4, 4, 3)
    assert batches[1].pixels.dtype == np.uint8
    assert [b[0] for b in batches[1].bad] == ["s4", "s5", "s6", "s7"]
    assert (batches[1].start, batches[1].stop, batches[1].ids, batches[1].digests) == (4, 8, [], [])


def test_an_error_that_is_not_about_a_picture_is_never_skipped() -> None:
    class Broken(Counted):
        def load(self, index: int, preprocessing: Preprocessing) -> tuple[np.ndarray, str]:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(read_batches(Broken(3), P, 2, skip_bad=True))


def test_stimuli_of_several_kinds_in_one_set() -> None:
    class Mixed(Counted):
        def load(self, index: int, preprocessing: Preprocessing) -> tuple[np.ndarray, str]:
            return np.zeros((4 + index, 4, 3), np.uint8), ""

    with pytest.raises(StimulusError, match=r"'s1' is uint8 \(5, 4, 3\), others are uint8 \(4, 4, 3\)"):
        list(read_batches(Mixed(3), P, 2))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"start": 3}, r"start is 3: give a multiple of the batch size \(5\) from 0 to 23"),
        ({"start": -5}, "start is -5"),
        ({"start": 25}, "start is 25"),
        ({"workers": 0}, "workers is 0"),
        ({"prefetch": 0}, "prefetch is 0"),
    ],
)
def test_arguments_are_checked_at_the_call(options: dict, words: str) -> None:
    with pytest.raises(StimulusError, match=words):
        read_batches(Counted(23), P, 5, **options)
    with pytest.raises(StimulusError, match="batch_size is 0"):
        read_batches(Counted(23), P, 0)


@pytest.mark.parametrize(
    "array",
    [np.zeros((3, 2, 5, 5, 3), np.uint8), np.zeros((3, 3, 7, 7), np.float32), np.zeros((3, 2, 3, 7, 7), np.float32)],
)
def test_movies_and_preprocessed_input(array: np.ndarray) -> None:
    (batch,) = read_batches(ArrayStimuli(array), Preprocessing(size=5), 8)
    assert isinstance(batch, Batch)
    assert batch.pixels.shape == array.shape
    assert batch.pixels.dtype == array.dtype
