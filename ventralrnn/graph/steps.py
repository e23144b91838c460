"""Sets of time steps as people write them: ``3``, ``0:8``, ``2:``, ``1,4:6``."""

from collections.abc import Iterable

from ventralrnn.errors import SpecificationError


def parse_steps(text: str, total: int, bounded: bool = True, name: str = "steps") -> tuple[int, ...]:
    """Read a set of time steps.

    Parameters
    ----------
    text : str
        Steps and half-open ranges as in Python, separated by commas: ``'0:8'``, ``'2:'``, ``'1,4:6'``.
    total : int
        Number of steps of the network; open ranges end there.
    bounded : bool
        Whether steps from ``total`` on are refused; networks with shared weights can run on.

    name : str
        Of the argument, for messages.

    Returns
    -------
    tuple of int
        Ascending, without repeats.

    Raises
    ------
    SpecificationError
        If the text is not of that form, selects nothing, or names a negative step or, bounded, one from ``total`` on.

    Examples
    --------
    >>> from ventralrnn.graph import parse_steps
    >>> parse_steps("0,4:6", total=8), parse_steps("6:", total=8)
    ((0, 4, 5), (6, 7))
    """
    chosen: set[int] = set()
    for part in text.split(","):
        try:
            if ":" in part:
                first, last = part.split(":")
                chosen.update(range(int(first or 0), int(last) if last.strip() else total))
            else:
                chosen.add(int(part))
        except ValueError:
            raise SpecificationError(f"{name} {text!r}: write steps like 3, 0:8, 2: or 1,4:6") from None
    if not chosen:
        raise SpecificationError(
            f"{name} {text!r} select nothing: write FROM:TO with FROM below TO; the model has steps 0 to {total - 1}"
        )
    if min(chosen) < 0 or (bounded and max(chosen) >= total):
        raise SpecificationError(f"{name} {text!r} reach outside 0..{total - 1}")
    return tuple(sorted(chosen))


def format_steps(steps: Iterable[int]) -> str:
    """Write a set of time steps the way :func:`parse_steps` reads it.

    Parameters
    ----------
    steps : iterable of int
        Time steps.

    Returns
    -------
    str
        For example ``'1:6'`` or ``'0,4:6'``.

    Examples
    --------
    >>> from ventralrnn.graph import format_steps
    >>> format_steps([0, 4, 5])
    '0,4:6'
    """
    runs: list[list[int]] = []
    for step in sorted(set(steps)):
        if runs and step == runs[-1][1]:
            runs[-1][1] = step + 1
        else:
            runs.append([step, step + 1])
    return ",".join(str(a) if b == a + 1 else f"{a}:{b}" for a, b in runs)
