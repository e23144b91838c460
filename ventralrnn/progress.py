"""Progress bars on a terminal, with rate and time left, on standard error."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")

_SHOWN: ContextVar[bool] = ContextVar("shown", default=False)


@contextmanager
def progress_bar(
    show: bool, total: int, unit: str, text: str | None = None, *, done: int = 0, leave: bool = True
) -> Iterator[Callable[[int], None]]:
    """Show how far something is.

    Parameters
    ----------
    show : bool
        Whether at all.
    total, done : int
        How many there are, and how many are done before.
    unit : str
        Of what, in the plural; bytes are written as kB, MB and GB.
    text : str, optional
        What is done with them.
    leave : bool
        Whether the bar stays there at the end.

    Yields
    ------
    callable
        Takes how many more are done.
    """
    if not show:
        yield lambda count: None
        return
    from tqdm import tqdm

    given: dict[str, Any] = {"unit": "B", "unit_scale": True} if unit == "bytes" else {"unit": f" {unit}"}
    # disable is said, as Brain-Score's own bars are turned off by an environment variable.
    given |= {"disable": False, "leave": leave, "smoothing": 0.1, "dynamic_ncols": True}
    with tqdm(total=total, initial=done, desc=text, **given) as bar:

        def advance(count: int) -> None:
            bar.update(count)

        yield advance


@contextmanager
def showing(show: bool) -> Iterator[None]:
    """Have :func:`track` show bars inside.

    Parameters
    ----------
    show : bool
        Whether at all.
    """
    token = _SHOWN.set(show)
    try:
        yield
    finally:
        _SHOWN.reset(token)


def track(items: Iterable[T], total: int, unit: str, text: str | None = None) -> Iterator[T]:
    """Go through items, with a bar inside :func:`showing`: for loops that lie deep in an analysis.

    Parameters
    ----------
    items : iterable
        What to go through.
    total, unit, text
        As in :func:`progress_bar`.

    Yields
    ------
    object
        The items.
    """
    with progress_bar(_SHOWN.get(), total, unit, text, leave=False) as advance:
        for item in items:
            yield item
            advance(1)
