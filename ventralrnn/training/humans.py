"""What people answered for the same pictures: CIFAR-10H compared with a model's answers in time."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import entr, log_softmax
from scipy.stats import norm, spearmanr

from ventralrnn.errors import DataError
from ventralrnn.stimuli import cache

DATA_SET, FILE = "peterson2019", "cifar10h-counts.npy"
# People agree with the official labels of nearly all CIFAR-10 pictures; counts in another order agree by chance.
_LEAST_AGREEMENT = 0.9


@dataclass(frozen=True)
class Correlation:
    """A rank correlation over pictures.

    Parameters
    ----------
    rho : float
        Spearman's; NaN if there are fewer than 4 pictures, or all values of one side are equal.
    low, high : float
        95 % interval: Fisher's z with the standard error of Bonett & Wright (2000), Psychometrika 65:23.
    p : float
        Two-sided, of the hypothesis that there is none; 0 where it is too small for a float64.
    pictures : int
        Over how many.
    """

    rho: float
    low: float
    high: float
    p: float
    pictures: int


@dataclass(frozen=True)
class ReactionTimes:
    """When a model's answer becomes certain.

    Parameters
    ----------
    threshold : float
        Of the entropy, in nats.
    chosen : bool
        Whether it follows from the model's entropies (:func:`choose_threshold`), not from the user.
    ms : numpy.ndarray, float64, (picture,)
        Reaction time in ms after stimulus onset, NaN where the entropy never falls below the threshold.
    at_first : int
        Pictures that are below it at the first readout time: their reaction time is at most that.
    never : int
        Pictures that never are: their reaction time is unknown, and after the last readout time.
    decided : Correlation
        With the entropy of the human labels, over the pictures that have a reaction time.
    everything : Correlation
        The same over all pictures, those without a reaction time ranked last, as equals.
    """

    threshold: float
    chosen: bool
    ms: np.ndarray
    at_first: int
    never: int
    decided: Correlation
    everything: Correlation


@dataclass(frozen=True)
class HumanComparison:
    """A model's answers next to people's.

    Parameters
    ----------
    judgements : int
        Fewest judgements of a picture.
    agreement : float
        Share of pictures whose most frequent human label is the official one.
    accuracy : float
        Share of judgements that are the official label, averaged over pictures.
    entropy : float
        Mean entropy of the human labels in nats: the cross-entropy of a model that answers as people do, and the least
        that any model can have.
    cross_entropy : tuple of float
        Mean cross-entropy between human labels and the model's softmax at every readout time, in nats.
    correlations : tuple of Correlation
        Between the entropies of model and human labels, at every readout time. A reaction time is worth its name if it
        says more than these.
    reaction : ReactionTimes or None
        None if there is one readout time only, or no picture's entropy crosses any threshold.
    """

    judgements: int
    agreement: float
    accuracy: float
    entropy: float
    cross_entropy: tuple[float, ...]
    correlations: tuple[Correlation, ...]
    reaction: ReactionTimes | None


def read_counts(labels: np.ndarray) -> np.ndarray | None:
    """Read the human label counts of CIFAR-10H from the data cache.

    Parameters
    ----------
    labels : numpy.ndarray, int, (picture,)
        Official labels of the test pictures in their official order.

    Returns
    -------
    numpy.ndarray, float64, (picture, class), or None
        How often people gave each label; None if the data set is not here.

    Raises
    ------
    DataError
        If the file is damaged, or does not go with the labels.
    """
    if cache.find(DATA_SET) is None:
        return None
    path = cache.file_path(DATA_SET, FILE)
    return check_counts(np.load(path, allow_pickle=False), labels, path)


def check_counts(counts: np.ndarray, labels: np.ndarray, path: Path) -> np.ndarray:
    """Return label counts (picture, class) as float64; raise a DataError that names the file if they do not fit.

    Parameters
    ----------
    counts : numpy.ndarray, (picture, class)
        How often people gave each label.
    labels : numpy.ndarray, int, (picture,)
        Official labels: most pictures' most frequent human label must be theirs, or the order is another one.
    path : pathlib.Path
        Where the counts come from.
    """
    if counts.ndim != 2 or len(counts) != len(labels) or counts.shape[1] <= labels.max():
        raise DataError(f"{path}: counts have shape {counts.shape}; there are {len(labels)} pictures to go with")
    counts = counts.astype(np.float64)
    if not (np.isfinite(counts).all() and (counts >= 0).all() and (counts.sum(1) > 0).all()):
        raise DataError(f"{path}: counts must be 0 or more, and every picture must have some; get the file again")
    agreement = float((counts.argmax(1) == labels).mean())
    if agreement < _LEAST_AGREEMENT:
        raise DataError(
            f"{path}: people's most frequent label is the official one for {100 * agreement:.1f} % of the pictures "
            "only: the counts are in another order than the pictures; get both again"
        )
    return counts


def probabilities(counts: np.ndarray) -> np.ndarray:
    """Return how probable people's labels are.

    Parameters
    ----------
    counts : numpy.ndarray, (picture, class)
        How often people gave each label; every picture has some.

    Returns
    -------
    numpy.ndarray, float64, (picture, class)
        Each row sums to one.
    """
    return counts / counts.sum(1, keepdims=True)


def entropies(counts: np.ndarray) -> np.ndarray:
    """Return how much people disagree about each picture.

    Parameters
    ----------
    counts : numpy.ndarray, (picture, class)
        How often people gave each label; every picture has some.

    Returns
    -------
    numpy.ndarray, float64, (picture,)
        Entropy of the labels in nats, 0 where all agree.
    """
    return entr(probabilities(counts)).sum(1)


def compare_with_humans(
    scores: np.ndarray, ms: Sequence[float], labels: np.ndarray, counts: np.ndarray, threshold: float | None = None
) -> HumanComparison:
    """Compare a model's answers in time with people's.

    Parameters
    ----------
    scores : numpy.ndarray, (picture, readout, class)
        Before the softmax.
    ms : sequence of float, (readout,)
        Readout times in ms after stimulus onset, ascending.
    labels : numpy.ndarray, int, (picture,)
        Official labels.
    counts : numpy.ndarray, (picture, class)
        How often people gave each label.
    threshold : float, optional
        Of the entropy, in nats; by default :func:`choose_threshold` finds one.

    Returns
    -------
    HumanComparison
        Everything over all pictures.

    Notes
    -----
    Labels: Peterson et al. (2019), ICCV, who measured which labels people give, not how fast. So model reaction times
    are compared with how much people disagree about a picture, not with reaction times of people.
    """
    log_p = log_softmax(scores.astype(np.float64), axis=2)
    human, uncertainty = probabilities(counts), entropies(counts)
    entropy = -(np.exp(log_p) * log_p).sum(2)
    return HumanComparison(
        judgements=int(counts.sum(1).min()),
        agreement=float((counts.argmax(1) == labels).mean()),
        accuracy=float(human[np.arange(len(labels)), labels].mean()),
        entropy=float(uncertainty.mean()),
        cross_entropy=tuple((-(human[:, None] * log_p).sum(2)).mean(0).tolist()),
        correlations=tuple(correlate(column, uncertainty) for column in entropy.T),
        reaction=_react(entropy, ms, uncertainty, threshold),
    )


def _react(
    entropy: np.ndarray, ms: Sequence[float], uncertainty: np.ndarray, threshold: float | None
) -> ReactionTimes | None:
    if len(ms) < 2:
        return None
    limit = choose_threshold(entropy) if threshold is None else threshold
    if np.isnan(limit):
        return None
    times = find_reaction_times(entropy, ms, limit)
    decided = ~np.isnan(times)
    return ReactionTimes(
        threshold=limit,
        chosen=threshold is None,
        ms=times,
        at_first=int((entropy[:, 0] < limit).sum()),
        never=int((~decided).sum()),
        decided=correlate(times[decided], uncertainty[decided]),
        everything=correlate(np.where(decided, times, np.inf), uncertainty),
    )


def find_reaction_times(entropy: np.ndarray, ms: Sequence[float], threshold: float) -> np.ndarray:
    """Return when the entropy of each answer first falls below a threshold.

    Parameters
    ----------
    entropy : numpy.ndarray, (picture, readout)
        Of the model's softmax, in nats.
    ms : sequence of float, (readout,)
        Readout times in ms, ascending.
    threshold : float
        In nats.

    Returns
    -------
    numpy.ndarray, float64, (picture,)
        In ms, on the straight line between the readout times before and after the crossing; the first readout time
        where the entropy is below from the start; NaN where it never is.

    Notes
    -----
    After Spoerer et al. (2020), PLoS Comput Biol 16:e1008215, in whose models recurrent computation ends when
    confidence reaches a threshold. The interpolation and NaN for pictures that never get there are ours.
    """
    below, times = entropy < threshold, np.asarray(ms, np.float64)
    after = below.argmax(1)
    before = np.maximum(after - 1, 0)
    rows = np.arange(len(entropy))
    high, low = entropy[rows, before], entropy[rows, after]
    # Where there is no crossing between two readout times, both are the same one.
    share = np.where(after > before, (high - threshold) / np.where(after > before, high - low, 1), 0)
    found = times[before] + share * (times[after] - times[before])
    return np.where(below.any(1), found, np.nan)


def choose_threshold(entropy: np.ndarray) -> float:
    """Return the entropy that most pictures cross from above between the first readout time and the last.

    It depends on the model's answers alone, on no labels and nothing that people did, so that what is correlated with
    people afterwards is not fitted to them.

    Parameters
    ----------
    entropy : numpy.ndarray, (picture, readout)
        In nats.

    Returns
    -------
    float
        In nats: the middle of the (lowest) best range; NaN if no picture's entropy falls below its first value.
    """
    high, low = entropy[:, 0], entropy[:, 1:].min(1, initial=np.inf)
    falls = low < high
    if not falls.any():
        return float("nan")
    # A picture crosses every threshold above its lowest entropy, up to its first: the count is highest at the upper
    # end of some picture's range, and the same from there down to the next end of any range.
    lows, highs = np.sort(low[falls]), np.sort(high[falls])
    crossing = np.searchsorted(lows, highs, "left") - np.searchsorted(highs, highs, "left")
    top = highs[crossing.argmax()]
    ends = np.concatenate([lows, highs])
    return float((top + ends[ends < top].max()) / 2)


def correlate(a: np.ndarray, b: np.ndarray) -> Correlation:
    """Return Spearman's rank correlation of two columns of numbers, with a 95 % interval and a p value.

    Parameters
    ----------
    a, b : numpy.ndarray, (picture,)
        Equal values share their ranks; infinite ones are ranked as such.

    Returns
    -------
    Correlation
        NaN where it is not defined.
    """
    number, nan = len(a), float("nan")
    if number < 4 or (a == a[0]).all() or (b == b[0]).all():
        return Correlation(nan, nan, nan, nan, number)
    rho, p = (float(value) for value in spearmanr(a, b))
    # Rounding can put a perfect correlation outside -1..1.
    rho = float(np.clip(rho, -1, 1))
    if abs(rho) == 1:
        return Correlation(rho, rho, rho, p, number)
    half = norm.ppf(0.975) * np.sqrt((1 + rho**2 / 2) / (number - 3))
    low, high = np.tanh(np.arctanh(rho) + np.array([-half, half]))
    return Correlation(rho, float(low), float(high), p, number)
