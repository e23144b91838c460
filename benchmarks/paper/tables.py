"""The tables: which runs stand in which line, what is compared, and what is known from elsewhere."""

from dataclasses import dataclass

from benchmarks.paper.configurations import TIMES
from benchmarks.paper.store import Result


@dataclass(frozen=True)
class Line:
    """One line of a table.

    Parameters
    ----------
    label : str
        What a reader calls it.
    configuration : str
        Whose runs it shows.
    value : {'test_error', 'error_running', 'error_batch'}
        Which error.
    time : int or None
        Readout time of the error; None for the last that was trained.
    elsewhere : str
        A figure that somebody else reported of the same network, with its mark.
    """

    label: str
    configuration: str
    value: str = "test_error"
    time: int | None = None
    elsewhere: str = ""

    def error(self, result: Result) -> float | None:
        """Return the error of one run, a share."""
        if self.time is not None:
            return result.errors.get(self.time)
        value: float | None = getattr(result, self.value)
        return value


@dataclass(frozen=True)
class Table:
    """One table.

    Parameters
    ----------
    name : str
        On the command line.
    lines : tuple of Line
        In order.
    compare : tuple of (int, int)
        Lines (counted from 0) whose intervals are compared.
    guessing : tuple of int
        Lines of which is said whether they differ from guessing.
    match : tuple of (int, int, str)
        A control, what it is to match, and in what: 'parameters' or 'multiply_adds'.
    elsewhere : tuple of str
        What others found with other networks, each with its mark.
    """

    name: str
    lines: tuple[Line, ...]
    compare: tuple[tuple[int, int], ...] = ()
    guessing: tuple[int, ...] = ()
    match: tuple[tuple[int, int, str], ...] = ()
    elsewhere: tuple[str, ...] = ()

    @property
    def configurations(self) -> list[str]:
        """Names of what must be trained, each once."""
        return list(dict.fromkeys(line.configuration for line in self.lines))


_JASTRZEBSKI = (
    "[S] Jastrzebski et al. 2018, CIFAR-10, test error / parameters: ResNet-32 7.14 % / 467-473k; ResNet-110 with "
    "shared blocks and unshared batch norm 6.62 % / 570-576k; ResNet-110 6.13 % / 1.74M"
)
_A1 = Table(
    "A1",
    (
        Line("one state, shared", "resnet-1state"),
        Line("one state, not shared", "resnet-1state-unshared"),
        Line("two states, shared", "resnet-2state", elsewhere="187k parameters [S]"),
        Line("two states, not shared", "resnet-2state-unshared", elsewhere="778k parameters [S]"),
        Line("three states, shared", "resnet-3state"),
        Line("three states, not shared", "resnet-3state-unshared"),
    ),
    compare=((0, 1), (2, 3), (4, 5), (0, 4)),
    elsewhere=(
        "[S] Liao & Poggio 2016, CIFAR-10: 187k shared parameters match 778k unshared",
        "[S] Liao & Poggio 2016, ImageNet: 8.4M shared parameters within a couple of points of 29M unshared",
        _JASTRZEBSKI,
    ),
)
_A2 = Table(
    "A2",
    (
        Line("one convolution for all layers", "resnet-3state-oneconv"),
        Line("shared within a state", "resnet-3state"),
        Line("not shared", "resnet-3state-unshared"),
    ),
    compare=((0, 1), (1, 2), (0, 2)),
)
_B1 = Table(
    "B1",
    (Line("shared", "recurrent-2state"), Line("not shared", "recurrent-2state-unshared")),
    compare=((0, 1),),
)


def _trained_for(time: int) -> str:
    """Return the network whose only readout time in training this is."""
    return "recurrent-2state" if time == 9 else f"recurrent-2state-time{time}"


_B2 = Table(
    "B2",
    (
        *(Line(f"trained for {time}, read at {time}", _trained_for(time), time=time) for time in TIMES),
        *(Line(f"trained for 9, read at {time}", "recurrent-2state", time=time) for time in TIMES if time != 9),
        *(Line(f"trained for 1, 3, 6 and 9, read at {time}", "recurrent-2state-several", time=time) for time in TIMES),
    ),
    compare=((0, 1), (1, 2), (2, 3), (3, 4), (2, 7), (4, 8), (2, 11), (3, 12)),
)
_B3 = Table(
    "B3",
    (
        Line("two states", "recurrent-2state"),
        Line("three states", "recurrent-3state"),
        Line("four states", "recurrent-4state"),
        Line("three states, neighbours only", "recurrent-3state-adjacent"),
    ),
    compare=((0, 1), (1, 2), (1, 3)),
    elsewhere=(
        "[M] recalled and not checked, so not to be taken for a claim of the paper: best three-state validation error "
        "7.47 %; three states beat two; connections between neighbours only do well; four states were "
        "too costly to run long",
    ),
)
_MODES = (
    ("test_error", "evaluation, statistics computed anew"),
    ("error_running", "evaluation, running averages of training"),
    ("error_batch", "training mode, statistics of the batch"),
)
_NORM = Table(
    "norm",
    tuple(
        Line(f"{network}, {statistics}: {mode}", f"{name}{suffix}", value)
        for network, name in (("recurrent, two states", "recurrent-2state"), ("ResNet, two states", "resnet-2state"))
        for statistics, suffix in (("per step", ""), ("one for all steps", "-one-statistic"))
        for value, mode in _MODES
    ),
    compare=((0, 3), (2, 5), (3, 5), (6, 9), (8, 11), (9, 11)),
    guessing=(3, 4, 5, 9, 10, 11),
    elsewhere=(_JASTRZEBSKI,),
)
_AFFINE = Table(
    "affine",
    (
        Line("none", "recurrent-2state"),
        Line("one scale and shift for all steps", "recurrent-2state-affine-shared"),
        Line("scale and shift for every step", "recurrent-2state-affine-step"),
    ),
    compare=((0, 1), (0, 2), (1, 2)),
)
_CONTROLS = Table(
    "controls",
    (
        Line("recurrent, three states", "recurrent-3state"),
        Line("deep feedforward, matched in parameters", "feedforward-deep-parameters"),
        Line("deep feedforward, matched in multiply-adds", "feedforward-deep-multiply-adds"),
        Line("shallow feedforward, matched in parameters", "feedforward-shallow-parameters"),
        Line("shallow feedforward, matched in multiply-adds", "feedforward-shallow-multiply-adds"),
    ),
    compare=((0, 1), (0, 2), (0, 3), (0, 4)),
    match=((1, 0, "parameters"), (2, 0, "multiply_adds"), (3, 0, "parameters"), (4, 0, "multiply_adds")),
)
TABLES = {table.name: table for table in (_A1, _A2, _B1, _B2, _B3, _NORM, _AFFINE, _CONTROLS)}
