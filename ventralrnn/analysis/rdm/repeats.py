"""Dissimilarities from repeats, block of features by block: no area has to fit into memory."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ventralrnn.analysis.rdm.crossnobis import (
    centre_runs,
    check_rates,
    check_runs,
    divide_by_pairs,
    from_kernel,
    poisson_kernel,
    product_of_runs,
)
from ventralrnn.analysis.rdm.noise import (
    METHODS,
    Noise,
    Residuals,
    check_method,
    decompose,
    estimate_noise,
    residuals_of,
)
from ventralrnn.analysis.rdm.tiles import to_patterns
from ventralrnn.analysis.reading import AreaStates
from ventralrnn.errors import AnalysisError


@dataclass(frozen=True)
class Runs:
    """Every presentation at one time of an area.

    Parameters
    ----------
    area : AreaStates
        The area.
    position : int
        On its time axis.
    memory : int
        Bytes for patterns that are held at a time.
    device : torch.device
        Where they are multiplied.
    """

    area: AreaStates
    position: int
    memory: int
    device: torch.device

    @property
    def presentations(self) -> int:
        """Number of presentations, those that are missing included."""
        return self.area.stimuli * self.area.most_presentations

    def whole(self) -> Tensor:
        """Return all of them, (run, stimulus, feature)."""
        return self._read(slice(None))

    def blocks(self) -> Iterator[tuple[slice, Tensor]]:
        """Yield which features, and all presentations of them, (run, stimulus, feature); nothing if there is no state.

        The same presentations are missing in every block.
        """
        features = self.area.neuroids
        # Double precision: what is computed from a block is at least as large.
        number = -(-features // max(1, self.memory // (8 * self.presentations)))
        width = -(-features // number)
        missing = None
        for start in range(0, features, width):
            chosen = slice(start, min(start + width, features))
            values = self._read(chosen)
            check_runs(values)
            here = values[..., 0].isnan()
            if missing is not None and bool((here != missing).any()):
                run, stimulus = (here != missing).nonzero()[0].tolist()
                raise AnalysisError(f"stimulus {stimulus} of run {run} holds NaN in some features: leave these out")
            missing = here
            if not bool(here.all()):
                yield chosen, values

    def _read(self, features: slice) -> Tensor:
        values = to_patterns(self.area.runs(self.position, neuroids=features), self.device)
        return values.float() if values.dtype == torch.float16 else values


def distances_of_runs(runs: Runs, distance: str, noise: Noise | str | None) -> Tensor:
    """Compute the dissimilarities of all pairs of stimuli from their repeats.

    Parameters
    ----------
    runs : Runs
        Of two stimuli or more.
    distance : {'mahalanobis', 'crossnobis', 'poisson', 'poisson_cv'}
        See :func:`~ventralrnn.analysis.rdm.compute_rdm`.
    noise : Noise, str or None
        A noise covariance, or how it is estimated, see :func:`~ventralrnn.analysis.rdm.estimate_noise`.

    Returns
    -------
    torch.Tensor, (pair,)
        Not divided by the number of features. NaN throughout for a state that does not exist.

    Raises
    ------
    AnalysisError
        As :func:`~ventralrnn.analysis.rdm.compute_crossnobis` and :func:`~ventralrnn.analysis.rdm.estimate_noise`.

    Notes
    -----
    Scalar products add up over features. Under a precision matrix C^-1 they do so only where it is diagonal; one that
    was shrunk is ``1 / w (I - V V') + V diag(1 / variances) V'`` after division by the deviations of the target, with
    directions V that are combinations of residuals R (Woodbury). ``x' C^-1 y`` therefore follows from the scalar
    products of patterns and residuals alone, and so does the weight of shrinkage. These are added up instead; only
    where there are more presentations than features the covariance is estimated from all features at once.
    """
    if distance.startswith("poisson"):
        kernel = _poisson(runs, distance == "poisson_cv")
    elif isinstance(noise, str) and noise != "diag":
        check_method(noise)
        if runs.presentations < runs.area.neuroids:
            kernel = _shrunk(runs, distance, noise)
        else:
            whole = runs.whole()
            check_runs(whole)
            exists = not bool(whole.isnan().all())
            kernel = _added(runs, distance, estimate_noise(*_residuals(whole, noise))) if exists else None
    else:
        kernel = _added(runs, distance, noise)
    if kernel is None:
        return torch.full((runs.area.stimuli * (runs.area.stimuli - 1) // 2,), torch.nan)
    result = from_kernel(kernel)
    return result.clamp(min=0) if distance == "mahalanobis" else result


def _residuals(values: Tensor, method: str) -> tuple[Tensor, str, int]:
    rest, freedom = residuals_of(values)
    return rest, method, freedom


def _poisson(runs: Runs, crossvalidated: bool) -> Tensor | None:
    kernel: Tensor | None = None
    for _, values in runs.blocks():
        state = values if crossvalidated else values.nanmean(0)
        check_rates(state)
        found = poisson_kernel(state, crossvalidated)
        kernel = found if kernel is None else kernel.add_(found)
    return kernel


def _added(runs: Runs, distance: str, noise: Noise | str | None) -> Tensor | None:
    """Return scalar products of stimuli under a precision matrix that is known, or diagonal."""
    products: Tensor | None = None
    projected: Tensor | None = None
    for features, values in runs.blocks():
        if noise is not None:
            values = values.double() / _deviation(runs, values, features, noise).to(values.device)
        patterns, there = centre_runs(values)
        if distance == "mahalanobis":
            patterns = _means(patterns, there)[None]
        found = product_of_runs(patterns) if distance == "crossnobis" else patterns[0] @ patterns[0].mT
        products = found if products is None else products.add_(found)
        if isinstance(noise, Noise) and noise.directions.shape[1]:
            along = patterns @ noise.directions[features].to(patterns)
            projected = along if projected is None else projected.add_(along)
    if products is None:
        return None
    if isinstance(noise, Noise):
        complete = noise.directions.shape[1] == len(noise.deviation)
        outside = 0.0 if complete else 1 / noise.rest
        products *= outside
        if projected is not None:
            gains = (1 / noise.variances - outside).to(projected)
            products += _product(projected, projected * gains, distance)
    return divide_by_pairs(products, there) if distance == "crossnobis" else products


def _product(first: Tensor, second: Tensor, distance: str) -> Tensor:
    """Return scalar products of stimuli over different runs, or of the only run, from (run, stimulus, feature)."""
    if distance == "mahalanobis":
        return first[0] @ second[0].mT
    return first.sum(0) @ second.sum(0).mT - (first @ second.mT).sum(0)


def _deviation(runs: Runs, values: Tensor, features: slice, noise: Noise | str) -> Tensor:
    if isinstance(noise, Noise):
        if len(noise.deviation) != runs.area.neuroids:
            raise AnalysisError(f"noise: of {len(noise.deviation)} features, but patterns have {runs.area.neuroids}")
        return noise.deviation[features]
    rest, freedom = residuals_of(values)
    variances = rest.double().square().sum(0) / freedom
    _check_variances(variances, features.start)
    return variances.sqrt()


def _check_variances(variances: Tensor, start: int) -> None:
    if bool((variances == 0).any()):
        silent = start + int((variances == 0).nonzero()[0])
        raise AnalysisError(f"residuals: feature {silent} never varies, so its noise is not known: leave such out")


def _means(patterns: Tensor, there: Tensor) -> Tensor:
    """Return mean patterns (stimulus, feature) of runs that are 0 where they are missing."""
    counts = there.sum(0)
    if not bool(counts.all()):
        raise AnalysisError(f"stimulus {int((counts == 0).nonzero()[0])} has no presentation: leave it out")
    return patterns.sum(0) / counts[:, None]


def _shrunk(runs: Runs, distance: str, method: str) -> Tensor | None:
    """Return scalar products of stimuli under a covariance that is shrunk to what their residuals say."""
    gram: Tensor | None = None
    fourth = squares = 0.0
    diagonal = method == "shrinkage_diag"
    for features, values in runs.blocks():
        exact = values.double()
        patterns, there = centre_runs(exact)
        rest, freedom = residuals_of(exact)
        if diagonal:
            variances = rest.square().sum(0) / freedom
            _check_variances(variances, features.start)
            patterns, rest = patterns / variances.sqrt(), rest / variances.sqrt()
            fourth += float(rest.pow(4).sum())
            squares += float(rest.square().sum(0).square().sum())
        # A presentation is its stimulus's mean and a residual: two kinds of vectors of their own size.
        vectors = torch.cat([_means(patterns, there), rest])
        found = vectors @ vectors.mT
        gram = found if gram is None else gram.add_(found)
    if gram is None:
        return None
    stimuli, width = runs.area.stimuli, runs.area.neuroids
    if not diagonal:
        variance = float(gram.diagonal()[stimuli:].sum()) / freedom / width
        _check_variances(gram.new_tensor([variance]), 0)
        gram /= variance
    weight = METHODS[method](Residuals(gram[stimuli:, stimuli:], width, fourth, squares), freedom)
    kernel = _under_precision(gram, stimuli, weight, freedom, width)
    if distance == "mahalanobis":
        return kernel[:stimuli, :stimuli]
    return divide_by_pairs(_over_different_runs(kernel, there), there)


def _under_precision(gram: Tensor, stimuli: int, weight: float, freedom: int, width: int) -> Tensor:
    """Return scalar products of means and residuals under the precision matrix, from those without."""
    if weight >= 1:
        return gram
    variances, left = decompose(gram[stimuli:, stimuli:] * ((1 - weight) / freedom), weight, width)
    along = gram[:, stimuli:] @ left * ((1 - weight) / freedom) ** 0.5 / variances.sqrt()
    # 1 / weight outside of the directions, 1 / (variances + weight) along them.
    return (gram - (along * (variances / (variances + weight))) @ along.mT) / weight


def _over_different_runs(kernel: Tensor, there: Tensor) -> Tensor:
    """Return sums over pairs of different runs, (stimulus, stimulus), from products of means and residuals."""
    stimuli = there.shape[1]
    run, stimulus = there.nonzero().T
    own = torch.zeros(len(run), stimuli, dtype=kernel.dtype, device=kernel.device)
    own[torch.arange(len(run)), stimulus] = 1
    means, mixed, rest = kernel[:stimuli, :stimuli], kernel[:stimuli, stimuli:], kernel[stimuli:, stimuli:]
    counts = own.sum(0)
    # Residuals of a stimulus sum to zero, so all presentations together are as many means.
    total = counts[:, None] * means * counts
    each = means[stimulus][:, stimulus] + mixed[stimulus] + mixed[stimulus].mT + rest
    each = each * (run[:, None] == run)
    return total - own.mT @ each @ own
