"""What every batch of an extraction goes through: decoded, run, staged, written, all at once."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial

import numpy as np
import torch
from torch import Tensor

from ventralrnn.errors import RecordingError, UnreadableStimulusError, VentralrnnError
from ventralrnn.graph import Clock
from ventralrnn.networks.preprocessing import Preprocessing
from ventralrnn.recording.beyond import check_beyond
from ventralrnn.recording.journal import Entry, Journal
from ventralrnn.recording.layout import AreaLayout
from ventralrnn.recording.recorder import Take
from ventralrnn.recording.sources import NetworkSource, Source, check_calls
from ventralrnn.recording.staging import Receiver, Staging, as_states
from ventralrnn.recording.writer import Writer
from ventralrnn.stimuli import Batch, Stimuli, read_batches, standardise

_BATCH_BYTES = 1 << 26


class Job:
    """One extraction: what every batch goes through.

    Parameters
    ----------
    source : Source
        The model.
    stimuli : Stimuli
        What it is shown.
    preprocessing : Preprocessing
        How pictures become input.
    clock : Clock or None
        Of a model that states none itself.
    device : torch.device
        Where the model runs.
    pool, dtype, seed, skip_bad
        As in :func:`ventralrnn.extract`.

    Raises
    ------
    RecordingError
        If an argument is not one of its values.
    """

    def __init__(
        self,
        source: Source,
        stimuli: Stimuli,
        preprocessing: Preprocessing,
        clock: Clock | None,
        device: torch.device,
        pool: str,
        dtype: str,
        seed: int,
        skip_bad: bool,
    ) -> None:
        if pool not in ("none", "mean"):
            raise RecordingError(f"pool {pool!r}: none or mean")
        if dtype not in ("float32", "float16"):
            raise RecordingError(f"dtype {dtype!r}: float32 or float16")
        if seed < 0:
            raise RecordingError(f"seed {seed}: give 0 or more")
        unknown = set(clock.onset_ms if clock else ()) - set(source.areas)
        if unknown:
            raise RecordingError(f"clock: {unknown.pop()!r} is not recorded; areas are {', '.join(source.areas)}")
        self.source, self.stimuli, self.preprocessing, self.clock = source, stimuli, preprocessing, clock
        self.device, self.pool, self.dtype, self.seed, self.skip_bad = device, pool, dtype, seed, skip_bad

    def probe(self) -> tuple[list[AreaLayout], dict[str, int]]:
        """Run the first readable stimulus to learn which states there are, and their shapes."""
        first = self._first_picture()
        shapes: dict[str, dict[int, tuple[int, ...]]] = {area: {} for area in self.source.areas}

        def take(area: str, step: int, state: Tensor | None) -> None:
            if state is not None:
                shapes[area][step] = tuple(as_states(state, self.pool, area, 1).shape[1:])

        if isinstance(self.source, NetworkSource):
            check_beyond(self.source, lambda source, take: self._forward(first[None], take, source))
        calls = dict(self._forward(first[None], take))
        return [self._layout(area, shapes[area], steps) for area, steps in self.source.steps(calls).items()], calls

    def _first_picture(self) -> np.ndarray:
        with _offering_to_skip():
            for batch in self._read(1, workers=1, prefetch=1):
                if len(batch.ids):
                    return batch.pixels[0]
        raise RecordingError(f"{self.stimuli.name}: none of {len(self.stimuli)} pictures could be read")

    def _read(self, size: int, **how: int) -> Generator[Batch, None, None]:
        return read_batches(self.stimuli, self.preprocessing, size, skip_bad=self.skip_bad, **how)

    def _layout(self, area: str, shapes: Mapping[int, tuple[int, ...]], steps: tuple[int, ...]) -> AreaLayout:
        kinds = {shapes[step] for step in steps if step in shapes}
        if len(kinds) > 1:
            raise RecordingError(
                f"area {area}: its states have different shapes at different steps ({', '.join(map(str, kinds))}): "
                "record them as areas of their own, or with pool='mean'"
            )
        return AreaLayout(
            name=area,
            steps=steps,
            unit_shape=kinds.pop() if kinds else self.source.unit_shape(area, self.pool),
            dtype=self.dtype,
            rows=len(self.stimuli),
            time_ms=tuple(self._time_ms(area, step, min(shapes, default=None)) for step in steps),
            unreached=tuple(step for step in steps if step not in shapes),
        )

    def _time_ms(self, area: str, step: int, first_step: int | None) -> float:
        if self.clock is not None:
            return self.clock.time_ms(area, step, first_step)
        return self.source.time_ms(area, step)

    def _forward(self, pixels: np.ndarray, take: Take, source: Source | None = None) -> dict[str, int]:
        source = source or self.source
        batch = torch.from_numpy(pixels).to(self.device, non_blocking=True)
        batch = standardise(batch, self.preprocessing)
        if not isinstance(source, NetworkSource):  # other people's code may call .view on what comes out
            batch = batch.contiguous()
        try:
            # Other people's code may keep tensors for later use with gradients, which inference mode forbids.
            with torch.inference_mode() if isinstance(source, NetworkSource) else torch.no_grad():
                return source.run(batch, take)
        except VentralrnnError:
            raise
        except Exception as error:
            message = " ".join(str(error).split())
            raise RecordingError(
                f"{self.source.name} failed on input of shape {tuple(batch.shape)}: {type(error).__name__}: {message}"
            ) from error

    def run(
        self,
        layouts: Sequence[AreaLayout],
        calls: Mapping[str, int],
        journal: Journal,
        batch_size: int,
        workers: int,
        advance: Callable[[int], None],
    ) -> None:
        """Decode, run and write batch after batch, all three at once."""
        staging = Staging(layouts, min(batch_size, len(self.stimuli)), self.device, self.pool)
        writer = Writer(journal.path.parent, layouts, journal)
        batches = self._read(batch_size, start=journal.consumed, workers=workers)
        try:
            with _offering_to_skip():
                for batch in batches:
                    entry = Entry(batch.stop, batch.indices, batch.digests, batch.bad)
                    self._batch(batch, entry, staging, writer, calls)
                    advance(batch.stop - batch.start)
        finally:
            # Also after Ctrl-C: what was computed is written before the command ends.
            batches.close()
            writer.close()

    def _batch(self, batch: Batch, entry: Entry, staging: Staging, writer: Writer, calls: Mapping[str, int]) -> None:
        buffer = staging.take_buffer()
        self._states(batch, partial(staging.receive, buffer), calls)
        writer.put(*staging.hand_over(buffer, entry))

    def stream(
        self, layouts: Sequence[AreaLayout], calls: Mapping[str, int], batch_size: int, workers: int, start: int = 0
    ) -> Generator[tuple[Batch, dict[str, Tensor]], None, None]:
        """Decode and run batch after batch, and hand out the states without writing them.

        Parameters
        ----------
        layouts, calls
            What :meth:`probe` returned.
        batch_size, workers : int
            As in :func:`ventralrnn.extract`.
        start : int
            Index of the first stimulus, a multiple of `batch_size`.

        Yields
        ------
        Batch and dict of str to torch.Tensor, (step, stimulus, neuroid)
            The stimuli and, for every area, their states on the model's device; what is there at unreached steps means
            nothing. The memory is that of the next batch too.
        """
        rows = min(batch_size, len(self.stimuli))
        tensors = {
            a.name: torch.empty(len(a.steps), rows, a.neuroids, dtype=getattr(torch, a.dtype), device=self.device)
            for a in layouts
        }
        receiver = Receiver(layouts, self.pool)
        with closing(self._read(batch_size, start=start, workers=workers)) as batches, _offering_to_skip():
            for batch in batches:
                self._states(batch, partial(receiver.receive, tensors), calls)
                yield batch, {name: tensor[:, : len(batch.ids)] for name, tensor in tensors.items()}

    def _states(self, batch: Batch, receive: Callable[[int, str], Take], calls: Mapping[str, int]) -> None:
        if batch.ids:
            # Seeded by position: what is random in a model does not depend on where a run was interrupted.
            _seed(self.seed, batch.start, self.device)
            where = f"stimuli {batch.ids[0]} to {batch.ids[-1]}"
            check_calls(calls, self._forward(batch.pixels, receive(len(batch.ids), where)), where)


def _seed(seed: int, start: int, device: torch.device) -> None:
    """Seed what is random on the devices in use; torch.manual_seed looks for all others, which takes milliseconds."""
    # Mixed, not added: recordings with neighbouring seeds share no noise.
    mixed = int(np.random.SeedSequence((seed, start)).generate_state(1)[0])
    torch.default_generator.manual_seed(mixed)
    if device.type == "cuda":
        torch.cuda.manual_seed(mixed)
    elif device.type == "mps":
        torch.mps.manual_seed(mixed)


def default_batch_size(layouts: Sequence[AreaLayout]) -> int:
    """Choose a batch whose states fit comfortably into memory."""
    per_stimulus = sum(layout.stimulus_bytes for layout in layouts)
    return int(max(8, min(64, _BATCH_BYTES // max(per_stimulus, 1))))


@contextmanager
def _offering_to_skip() -> Iterator[None]:
    try:
        yield
    except UnreadableStimulusError as error:
        raise type(error)(f"{error} (skip_bad=True leaves such pictures out)") from error
