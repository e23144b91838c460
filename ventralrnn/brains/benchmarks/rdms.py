"""Geometry: the RDM of every area and step held against those of brains."""

from dataclasses import dataclass

import xarray as xr

from ventralrnn.analysis.inference.ceilings import noise_ceilings
from ventralrnn.analysis.inference.persons import Persons, person_names
from ventralrnn.analysis.inference.rsa import rsa
from ventralrnn.analysis.rdm.compute import compute_rdm
from ventralrnn.brains.benchmarks.base import Benchmark, Observed, Settings
from ventralrnn.brains.load import load_brain
from ventralrnn.brains.simulate import simulate_rdms

_SUBJECTS = 8


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
        several = Persons.of(data.sizes.get("subject", 1), person_names(data)).number > 1
        found = rsa(
            compute_rdm(observed),
            data,
            bootstrap=settings.samples,
            resample="both" if several else "stimuli",
            level=settings.level,
            seed=settings.seed,
        )
        result = found[["similarity", "low", "high"]].rename(similarity="score")
        result = result.assign(ceiling=self.bound(data, settings))
        return result.assign(ceiling_lower=float(found["ceiling_lower"])) if several else result

    def bound(self, data: xr.Dataset, settings: Settings) -> float:
        """Return the upper noise ceiling over subjects; NaN for one RDM."""
        if "subject" not in data.dims:
            return float("nan")
        rows = data["dissimilarity"].transpose("subject", "pair").values
        return float(noise_ceilings(rows[:, None], "spearman", persons=person_names(data)).upper[0])
