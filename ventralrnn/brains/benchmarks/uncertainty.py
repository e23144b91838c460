"""Human uncertainty: whether a model is unsure of the pictures about which people disagree."""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr
from scipy.special import entr, log_softmax, softmax
from torch import nn

from ventralrnn.analysis.inference.pairs import Contrasts
from ventralrnn.brains.benchmarks.base import Benchmark, Committed, Observed, Settings
from ventralrnn.brains.benchmarks.contrasts import contrast_samples, rank_correlation_samples
from ventralrnn.brains.load import load_responses
from ventralrnn.devices import choose_device
from ventralrnn.errors import AnalysisError
from ventralrnn.networks import RecurrentNetwork
from ventralrnn.stimuli import load_stimuli, read_batches
from ventralrnn.training.humans import correlate
from ventralrnn.training.scoring import read_out
from ventralrnn.zoo import load_model

_SPLITS, _JUDGEMENTS = 10, 50


@dataclass(frozen=True)
class Uncertainty(Benchmark):
    """Spearman's rank correlation, over pictures, of the entropies of a model's and of people's labels."""

    def load(self) -> xr.DataArray:
        """Return how often people gave each label, (stimulus, category)."""
        return load_responses(self.data_sets[0])

    def simulate(self, truth: Observed, seed: int) -> xr.DataArray:
        """Return 50 judgements of every picture, drawn from a model's last answers."""
        answers = next(iter(truth.values()))
        probabilities = softmax(answers[:, -1].values.astype(np.float64), axis=1)
        counts = np.random.default_rng(seed).multinomial(_JUDGEMENTS, probabilities / probabilities.sum(1)[:, None])
        coords = {
            "stimulus_id": ("stimulus", answers["stimulus_id"].values),
            "category": ("category", answers["category"].values),
        }
        attrs = {"simulated": "yes", "true_areas": "answers at the last step"}
        return xr.DataArray(counts.astype(float), coords, ("stimulus", "category"), "labels", attrs)

    def check(self, observed: Observed, area: str) -> None:
        """Refuse recordings, which hold areas and no answers."""
        super().check(observed, area)
        if "category" not in observed[area].coords:
            raise AnalysisError(f"{self.identifier}: needs a model's answers, which a recording lacks; give the model")

    @contextmanager
    def observe(self, model: Any, stimuli: Any, **options: Any) -> Iterator[Observed]:
        """Read out a network of ventralrnn at all its trained readout times."""
        yield {self.area: answer(model, stimuli, device=options.get("device", "auto"))}

    def score(self, observed: Observed, data: xr.DataArray, settings: Settings) -> xr.Dataset:
        """Return the correlation at every readout time with its interval over pictures, and ``cross_entropy``."""
        (area, answers), *_ = observed.items()
        counts = _match(data, answers)
        human = counts / counts.sum(1, keepdims=True)
        log_p = log_softmax(answers.values.astype(np.float64), axis=2)
        entropy, uncertainty = _unsure(log_p), _entropies(counts)
        found = [correlate(column, uncertainty) for column in entropy.T]
        return xr.Dataset(
            {
                "score": (("area", "time"), [[f.rho for f in found]]),
                "low": (("area", "time"), [[f.low for f in found]]),
                "high": (("area", "time"), [[f.high for f in found]]),
                "cross_entropy": (("area", "time"), [(-(human[:, None] * log_p).sum(2)).mean(0)]),
                "human_entropy": ((), uncertainty.mean()),
                "ceiling": ((), _ceiling(counts, settings.seed)),
            },
            {
                "area": [area],
                "time_step": ("time", answers["time_step"].values),
                "time_ms": (("area", "time"), answers["time_ms"].values[None]),
            },
            dict(answers.attrs),
        )

    def bound(self, data: xr.DataArray, settings: Settings) -> float:
        """Return the root of the reliability of people's entropies."""
        return _ceiling(data.transpose("stimulus", "category").values, settings.seed)

    def commit(self, observed: Observed, data: Any, scored: xr.Dataset, area: str, settings: Settings) -> Committed:
        """Return the score at the last readout time."""
        last = scored.isel(area=0, time=-1)
        return Committed.of(last, observed[area][:, -1:], area, [int(last["time_step"])], [1.0])

    def contrast(self, committed: Sequence[Committed], data: xr.DataArray, settings: Settings) -> Contrasts:
        """Compare models on the same samples of pictures."""
        counts = _match(data, committed[0].state)
        unsure = np.stack(
            [_unsure(log_softmax(one.state.values.astype(np.float64), axis=2))[:, 0] for one in committed]
        )
        samples = rank_correlation_samples(unsure, _entropies(counts), settings.samples, settings.seed)
        return contrast_samples([one.score for one in committed], samples, len(counts), settings.level)


@torch.no_grad()
def answer(model: Any, stimuli: Any, *, device: str = "auto") -> xr.DataArray:
    """Return what a network answers for pictures at its trained readout times.

    Parameters
    ----------
    model : RecurrentNetwork, str or path
        What :func:`ventralrnn.load_model` takes, if it is a network of ventralrnn.
    stimuli : str or Stimuli
        What :func:`ventralrnn.stimuli.load_stimuli` takes.
    device : str
        'auto', 'cpu', 'cuda' or 'mps'.

    Returns
    -------
    xarray.DataArray of float32, (stimulus, time, neuroid)
        Scores before the softmax; ``category`` (neuroid), ``stimulus_id``, and ``label`` where there are some.

    Raises
    ------
    AnalysisError
        If it is another model, or does not say what its classes are.
    """
    network = model if isinstance(model, nn.Module) else load_model(model)
    if not isinstance(network, RecurrentNetwork):
        raise AnalysisError(f"{type(network).__name__}: answers are read from networks of ventralrnn only")
    spec, classes = network.spec, network.checkpoint_info.get("classes")
    if not classes:
        raise AnalysisError(f"{spec.name}: does not say which classes it tells apart; give one that was trained")
    network = copy.deepcopy(network).to(choose_device(device), torch.float32).eval()
    pictures = load_stimuli(stimuli)
    batches = read_batches(pictures, spec.preprocessing, 500)
    parts = ((torch.from_numpy(b.pixels), torch.zeros(len(b.pixels))) for b in batches)
    scores = read_out(network, parts, spec.readout_steps).numpy()
    coords = {
        "stimulus_id": ("stimulus", list(pictures.ids)),
        "category": ("neuroid", list(classes)),
        "time_step": ("time", list(spec.readout_steps)),
        "time_ms": ("time", [spec.time_ms(spec.graph.readout, step) for step in spec.readout_steps]),
    }
    attrs = {"model": spec.name, "stimuli": pictures.name, "unreached_steps": []}
    return xr.DataArray(scores, coords, ("stimulus", "time", "neuroid"), "answers", attrs)


def _unsure(log_p: np.ndarray) -> np.ndarray:
    """Return entropies, (stimulus, time), of logarithms of probabilities (stimulus, time, category)."""
    return np.asarray(-(np.exp(log_p) * log_p).sum(2))


def _match(data: xr.DataArray, answers: xr.DataArray) -> np.ndarray:
    """Return counts (stimulus, category) in the order of the answers."""
    counts = data.transpose("stimulus", "category")
    for name, dim in (("stimulus_id", "stimulus"), ("category", "category")):
        known = {str(value): i for i, value in enumerate(counts[name].values)}
        wanted = [str(value) for value in answers[name].values]
        if missing := [value for value in wanted if value not in known]:
            raise AnalysisError(f"{name}: people have not judged {missing[0]!r}; show the model the pictures they saw")
        counts = counts.isel({dim: [known[value] for value in wanted]})
    return np.asarray(counts.values, np.float64)


def _ceiling(counts: np.ndarray, seed: int) -> float:
    """Return the root of the rank correlation of entropies from halves of the judgements, extrapolated to all."""
    rng = np.random.default_rng(seed)
    whole = counts.astype(np.int64)
    number = whole.sum(1)
    found = []
    for _ in range(_SPLITS):
        half = _draw(whole, number // 2, rng)
        pair = [_entropies(part) for part in (half, whole - half)]
        r = correlate(*pair).rho
        found.append(2 * r / (1 + r))
    return float(np.sqrt(np.clip(np.mean(found), 0, None)))


def _draw(counts: np.ndarray, number: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw so many of each picture's judgements without replacement, (picture, category)."""
    drawn = np.zeros_like(counts)
    left, rest = number.copy(), counts.sum(1)
    for category in range(counts.shape[1] - 1):
        rest = rest - counts[:, category]
        drawn[:, category] = rng.hypergeometric(counts[:, category], rest, left)
        left = left - drawn[:, category]
    drawn[:, -1] = left
    return drawn


def _entropies(counts: np.ndarray) -> np.ndarray:
    """Return entropies, (picture,), which are equal to the last digit where the same counts are of other labels."""
    ordered = np.sort(counts, 1)
    return np.asarray(entr(ordered / ordered.sum(1, keepdims=True)).sum(1))
