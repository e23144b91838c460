"""Geometry: the RDM of every area and step held against those of brains."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import xarray as xr

from ventralrnn.analysis.inference.bootstrap import Resample, bootstrap_similarity, state_differences
from ventralrnn.analysis.inference.ceilings import noise_ceilings
from ventralrnn.analysis.inference.pairs import Contrasts, arrange, model_pairs
from ventralrnn.analysis.inference.persons import Persons, person_names
from ventralrnn.analysis.inference.rsa import rsa
from ventralrnn.analysis.rdm.compute import compute_rdm
from ventralrnn.analysis.rdm.container import match_stimuli
from ventralrnn.brains.benchmarks.base import Benchmark, Committed, Observed, Settings
from ventralrnn.brains.load import load_brain
from ventralrnn.brains.simulate import simulate_rdms

_SUBJECTS = 8
# What messages call the two sides.
_NAMES = ("model", "benchmark")


@dataclass(frozen=True)
class Geometry(Benchmark):
    """Spearman's rank correlation of RDMs (1 - Pearson correlation of patterns), mean over subjects.

    Parameters
    ----------
    source : str
        What :func:`ventralrnn.brains.load_brain` takes.
    brain_area : str
        Which of its areas.
    """

    source: str
    brain_area: str
    # The pairs of all 400 would take a minute; the real data are of 92 pictures.
    simulated_pictures: ClassVar[int | None] = 100

    def load(self) -> xr.Dataset:
        """Return ``dissimilarity`` (subject, pair), or (pair) where one RDM is published."""
        brains = load_brain(self.source)
        return brains.sel(area=self.brain_area, drop=True)

    def simulate(self, truth: Observed, seed: int) -> xr.Dataset:
        """Return RDMs of 8 subjects, or of one where one RDM is published; each has 100 neurons."""
        single = "one RDM" in self.ceiling
        state = truth[self.area]
        experiment = self.experiment(state, subjects=1 if single else _SUBJECTS)
        rdms = simulate_rdms(state, experiment, seed=seed).isel(time=0, drop=True)
        return rdms.isel(subject=0, drop=True) if single else rdms

    def score(self, observed: Observed, data: xr.Dataset, settings: Settings) -> xr.Dataset:
        """Return the similarity of all states, with intervals over stimuli, and subjects where there are several."""
        model, brain = match_stimuli(compute_rdm(observed), data, _NAMES)
        found = rsa(
            model,
            brain,
            bootstrap=settings.samples,
            resample=_factors(data),
            level=settings.level,
            seed=settings.seed,
        )
        result = found[["similarity", "low", "high"]].rename(similarity="score")
        result = result.assign(ceiling=self.bound(data, settings))
        several = "ceiling_lower" in found
        return result.assign(ceiling_lower=float(found["ceiling_lower"])) if several else result

    def bound(self, data: xr.Dataset, settings: Settings) -> float:
        """Return the upper noise ceiling over subjects; NaN for one RDM."""
        if "subject" not in data.dims:
            return float("nan")
        rows = data["dissimilarity"].transpose("subject", "pair").values
        return float(noise_ceilings(rows[:, None], "spearman", persons=person_names(data)).upper[0])

    def contrast(self, committed: Sequence[Committed], data: xr.Dataset, settings: Settings) -> Contrasts:
        """Compare models on the same samples of stimuli, and of subjects where there are several."""
        rows = []
        for one in committed:
            ours, theirs = match_stimuli(compute_rdm({one.area: one.state}), data, _NAMES)
            rows.append(ours["dissimilarity"].values.reshape(-1))
        brains = theirs["dissimilarity"].transpose(..., "pair").values
        brains = brains.reshape(-1, 1, brains.shape[-1])
        found = bootstrap_similarity(
            np.stack(rows),
            brains,
            samples=settings.samples,
            resample=_factors(data),
            seed=settings.seed,
            persons=person_names(data),
        )
        scores = np.array([[one.score] for one in committed])
        differ = state_differences(scores, found, model_pairs(len(rows)), level=settings.level)
        return arrange(
            len(rows), *(part[:, 0] for part in (differ.difference, differ.low, differ.high, differ.p_value))
        )


def _factors(data: xr.Dataset) -> Resample:
    people = Persons.of(data.sizes.get("subject", 1), person_names(data)).number
    return "both" if people > 1 else "stimuli"
