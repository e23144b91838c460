"""Predictivity: neurons predicted from every area and step, by ridge or PLS regression."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from ventralrnn.analysis.encoding import encode, make_folds, reliability
from ventralrnn.analysis.encoding.pls import COMPONENTS
from ventralrnn.analysis.inference.pairs import Contrasts
from ventralrnn.brains.benchmarks.base import Benchmark, Committed, Observed, Settings
from ventralrnn.brains.benchmarks.contrasts import contrast_samples, draw_indices
from ventralrnn.brains.load import load_responses
from ventralrnn.brains.simulate import simulate_recording
from ventralrnn.errors import AnalysisError


@dataclass(frozen=True)
class Predictivity(Benchmark):
    """Pearson correlation of predicted with mean responses to pictures that were left out, median over neurons.

    Parameters
    ----------
    method : {'ridge', 'pls'}
        Ridge regression in 5 folds, its penalties chosen by neuron; or Brain-Score's PLS regression with 25 components
        on its own 10 splits.
    """

    method: str

    def load(self) -> xr.DataArray:
        """Return spike counts (repeat, stimulus, time, neuroid), NaN for repeats that there are not."""
        return load_responses(self.data_sets[0])

    def simulate(self, truth: Observed, seed: int) -> xr.DataArray:
        """Return 50 neurons with 8 repeats of every picture."""
        state = truth[self.area]
        return simulate_recording(state, self.experiment(state, subjects=1, neuroids=50, repeats=8), seed=seed)

    def score(self, observed: Observed, data: xr.DataArray, settings: Settings) -> xr.Dataset:
        """Return medians over neurons with percentile intervals over neurons, and the ceiling from halves of trials.

        Raises
        ------
        AnalysisError
            Too few stimuli for the components of PLS.
        """
        stimuli = data.sizes["stimulus"]
        if self.method == "pls":
            folds = make_folds(stimuli, 10, test_share=0.1, seed=1)
            fewest = min(len(train) for train, _ in folds)
            if fewest <= COMPONENTS:
                said = f"pls fits {COMPONENTS} components to 9 in 10 of the pictures, and {fewest} are too few"
                raise AnalysisError(f"metric: {said}: show more, or take ridge or rdm")
        else:
            folds = make_folds(stimuli, 5, seed=settings.seed)
        found = encode(observed, data, self.method, folds=folds, seed=settings.seed)
        if "time_bin" in found.dims:
            found = found.isel(time_bin=0, drop=True)
        if "reliability" not in found:
            # Without repeats nothing is known of a ceiling.
            found["score_corrected"] = found["score"] * np.nan
            found["reliability"] = found["score_corrected"].isel(area=0, time=0, drop=True)
        reached = found["reliability"].values
        ceilings = np.sqrt(np.clip(reached, 0, None))
        scores = found["score"].transpose("area", "time", "neuroid").values
        low, high = _interval(scores, settings)
        dims = ("area", "time")
        corrected = found["score_corrected"].transpose("area", "time", "neuroid").values
        result = xr.Dataset(
            {
                "score": (dims, _median(scores)),
                "low": (dims, low),
                "high": (dims, high),
                "score_corrected": (dims, _median(corrected)),
                "score_neuroid": ((*dims, "neuroid"), scores),
                "ceiling_neuroid": ("neuroid", ceilings),
                "ceiling": ((), _known_median(ceilings)),
            },
            {name: c for name, c in found.coords.items() if c.dims and set(c.dims) <= {"area", "time", "neuroid"}},
            found.attrs,
        )
        return result

    def bound(self, data: xr.DataArray, settings: Settings) -> float:
        """Return the median over neurons of the root of the reliability, from halves of the trials; NaN for one."""
        if data.sizes.get("repeat", 1) < 2:
            return float("nan")
        trials = data.isel(time=0).transpose("stimulus", "neuroid", "repeat").values
        reached = reliability(np.asarray(trials, np.float64), seed=settings.seed)
        return _known_median(np.sqrt(np.clip(reached, 0, None)))

    def contrast(self, committed: Sequence[Committed], data: xr.DataArray, settings: Settings) -> Contrasts:
        """Compare medians over the same samples of neurons."""
        scores = np.stack([one.scored["score_neuroid"].values.reshape(-1) for one in committed])
        scores = scores[:, ~np.isnan(scores).any(0)]
        drawn = draw_indices(scores.shape[1], settings.samples, settings.seed)
        samples = np.stack([np.median(row[drawn], -1) for row in scores])
        return contrast_samples(np.median(scores, -1), samples, scores.shape[1], settings.level)


def _known_median(values: np.ndarray) -> float:
    return float(np.nanmedian(values)) if np.isfinite(values).any() else float("nan")


def _median(scores: np.ndarray) -> np.ndarray:
    """Return the median over neurons, (area, time); NaN only where a state does not exist."""
    there = ~np.isnan(scores).all(-1)
    result = np.full(there.shape, np.nan)
    result[there] = np.nanmedian(scores[there], -1)
    return result


def _interval(scores: np.ndarray, settings: Settings) -> tuple[np.ndarray, np.ndarray]:
    """Return percentile intervals of the median over neurons, for (area, time, neuroid)."""
    neuroids = scores.shape[-1]
    drawn = draw_indices(neuroids, settings.samples, settings.seed)
    tail = 100 * (1 - settings.level) / 2
    low, high = np.full(scores.shape[:2], np.nan), np.full(scores.shape[:2], np.nan)
    for state in np.argwhere(~np.isnan(scores).all(-1)):
        medians = np.nanmedian(scores[tuple(state)][drawn], -1)
        low[tuple(state)], high[tuple(state)] = np.nanpercentile(medians, [tail, 100 - tail])
    return low, high
