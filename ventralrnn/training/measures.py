"""How good answers are at one readout time: accuracy, calibration, confusions."""

from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax

from ventralrnn.errors import TrainingError
from ventralrnn.networks import NetworkSpec, count_multiply_adds

_Z95 = 1.959963984540054  # of the normal distribution, two-sided


@dataclass(frozen=True)
class ReadoutScore:
    """What comes out at one readout time.

    Parameters
    ----------
    step : int
        Time step at which the post-net reads.
    ms : float
        The same on the model's clock, in ms after stimulus onset.
    trained : bool
        Whether training had a loss at this readout time.
    recalibrated : bool
        Whether batch norm statistics on the way to it were missing, and were computed from training pictures.
    accuracy, low, high : float
        Share of right answers, and its 95 % interval (Wilson).
    cross_entropy : float
        Mean over pictures, in nats.
    calibration_error : float
        Expected calibration error in 15 bins (see :func:`expected_calibration_error`).
    multiply_adds : int
        For one picture that is read out at this time only.
    class_accuracy : tuple of float
        Share of right answers among the pictures of every class; NaN for a class without pictures.
    confusion : tuple of tuple of int
        Pictures by class (rows) and answer (columns).
    """

    step: int
    ms: float
    trained: bool
    recalibrated: bool
    accuracy: float
    low: float
    high: float
    cross_entropy: float
    calibration_error: float
    multiply_adds: int
    class_accuracy: tuple[float, ...]
    confusion: tuple[tuple[int, ...], ...]


def score_readout(
    spec: NetworkSpec, scores: np.ndarray, labels: np.ndarray, step: int, ms: float, trained: bool, filled: bool
) -> ReadoutScore:
    """Return the numbers of one readout time.

    Parameters
    ----------
    spec : NetworkSpec
        Of the network as it was run.
    scores : numpy.ndarray, (picture, class)
        Before the softmax.
    labels : numpy.ndarray, int, (picture,)
        Classes.
    step, ms, trained, filled
        What is known about the readout time: see :class:`ReadoutScore`, ``filled`` being ``recalibrated`` there.

    Returns
    -------
    ReadoutScore
        Over all pictures.
    """
    log_p = log_softmax(scores.astype(np.float64), axis=1)
    answers, number = scores.argmax(1), scores.shape[1]
    confusion = np.bincount(labels * number + answers, minlength=number**2).reshape(number, number)
    members, right = confusion.sum(1), confusion.diagonal()
    low, high = wilson_interval(int(right.sum()), len(labels))
    return ReadoutScore(
        step=step,
        ms=ms,
        trained=trained,
        recalibrated=filled,
        accuracy=float(right.sum() / len(labels)),
        low=low,
        high=high,
        cross_entropy=float(-log_p[np.arange(len(labels)), labels].mean()),
        calibration_error=expected_calibration_error(np.exp(log_p), labels),
        multiply_adds=count_multiply_adds(spec, [step]),
        class_accuracy=tuple(np.where(members > 0, right / np.maximum(members, 1), np.nan).tolist()),
        confusion=tuple(map(tuple, confusion.tolist())),
    )


def wilson_interval(right: int, number: int) -> tuple[float, float]:
    """Return the 95 % interval of a share.

    Parameters
    ----------
    right, number : int
        Right answers, among so many.

    Returns
    -------
    low, high : float
        Limits.

    Notes
    -----
    Wilson (1927), J Am Stat Assoc 22:209.
    """
    if not 0 <= right <= number or number < 1:
        raise TrainingError(f"{right} right answers of {number}: a share needs at least one picture")
    share, z = right / number, _Z95
    middle = (share + z**2 / (2 * number)) / (1 + z**2 / number)
    half = z / (1 + z**2 / number) * np.sqrt(share * (1 - share) / number + z**2 / (4 * number**2))
    # Exact at the ends, where rounding would leave a trace.
    return (0.0 if right == 0 else float(middle - half)), (1.0 if right == number else float(middle + half))


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = 15) -> float:
    """Return how far confidence is from accuracy.

    Parameters
    ----------
    probabilities : numpy.ndarray, (picture, class)
        Answers; the largest of a row is its confidence.
    labels : numpy.ndarray, int, (picture,)
        Classes.
    bins : int
        Of equal width between confidences 0 and 1, each without its lower and with its upper end.

    Returns
    -------
    float
        Mean over bins of the difference between mean confidence and accuracy, weighted by their pictures.

    Notes
    -----
    Guo et al. (2017), ICML, "On calibration of modern neural networks", equation 3.
    """
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    excess = np.bincount(place, weights=confidence - right, minlength=bins)
    return float(np.abs(excess).sum() / len(labels))
