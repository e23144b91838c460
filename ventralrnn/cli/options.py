"""Options that several commands have, so that they read the same everywhere."""

import functools
import json
import math
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

import click

from ventralrnn.cli.wording import in_options

if TYPE_CHECKING:
    from ventralrnn.graph import Clock

F = TypeVar("F", bound=Callable[..., Any])


def examples(*lines: str) -> str:
    """Return the end of a help text: command lines that work."""
    return "\n".join(["Example:" if len(lines) == 1 else "Examples:", "", "\b", *(f"  {line}" for line in lines)])


def device(command: F) -> F:
    """Add ``--device``."""
    return click.option(
        "--device",
        default="auto",
        show_default=True,
        metavar="auto|cpu|cuda|mps",
        help="Where to compute: auto takes a GPU where there is one.",
    )(command)


def seed(command: F) -> F:
    """Add ``--seed``."""
    return click.option(
        "--seed",
        default=0,
        show_default=True,
        type=click.IntRange(0),
        help="Seed of random weights and of anything random in the model.",
    )(command)


def as_json(command: F) -> F:
    """Add ``--json``."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print the result as JSON on standard output, and nothing else there."
    )(command)


def left_out(skipped: Iterable[Sequence[str]]) -> list[str]:
    """Return lines that name the pictures that could not be read, and why; none where there are none."""
    lines = [f"  {stimulus}: {reason}" for stimulus, reason in skipped]
    return [f"Left out {len(lines)} that cannot be read:", *lines] if lines else []


def print_json(result: Any) -> None:
    """Print a result as JSON; NaN and infinity, which JSON lacks, become null."""

    def clean(value: Any) -> Any:
        if isinstance(value, float) and not math.isfinite(value):
            return None
        if isinstance(value, dict):
            return {str(k): clean(v) for k, v in value.items()}
        return [clean(v) for v in value] if isinstance(value, list | tuple) else value

    click.echo(json.dumps(clean(result), indent=2, allow_nan=False))


def is_terminal() -> bool:
    """Whether a progress bar would be seen."""
    return sys.stderr.isatty()


def show_warnings_plainly() -> None:
    """Show each warning as one line without the code that it came from; those of a kind, such as one a step, once."""
    shown = set()
    context = click.get_current_context()

    def show(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
        if issubclass(category, DeprecationWarning | PendingDeprecationWarning):  # for those who write libraries
            return
        kind = re.sub(r"\d+", "", str(message))
        if kind not in shown:
            shown.add(kind)
            text = in_options(" ".join(str(message).split()), context.command, context.params)
            click.echo(f"ventralrnn: warning: {text}", err=True)

    warnings.showwarning = show
    warnings.simplefilter("once", UserWarning)


@contextmanager
def telling(kept: Callable[[], str]) -> Iterator[None]:
    """Say what there is and how to go on, where Ctrl-C or a full disk ends a command.

    Parameters
    ----------
    kept : callable
        Returns what to say then; an empty text for nothing.
    """
    try:
        yield
    except (KeyboardInterrupt, OSError) as error:
        if said := kept():
            error.add_note(said)
        raise


def keeping(said: str) -> Callable[[F], F]:
    """Have a whole command say, where it is ended, what is kept; see :func:`telling`."""

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def command(*args: Any, **rest: Any) -> Any:
            with telling(lambda: said):
                return function(*args, **rest)

        return cast(F, command)

    return decorate


def names(text: str | None, option: str) -> list[str] | None:
    """Return names that are separated by commas, None where none were given."""
    if text is None:
        return None
    found = [name.strip() for name in text.split(",")]
    if not all(found):
        raise click.BadParameter(f"{text!r}: write names like V1,IT", param_hint=option)
    return found


def pairs(given: tuple[str, ...], option: str, example: str) -> dict[str, str]:
    """Return what was given as NAME=VALUE, each name once."""
    named = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not (name and equals and value):
            raise click.BadParameter(f"{pair!r}: write it like {example}", param_hint=option)
        if name in named:
            raise click.BadParameter(f"{name} is named twice", param_hint=option)
        named[name] = value
    return named


def clock_options(command: F) -> F:
    """Add ``--ms-per-step`` and ``--onset-ms``, of which :func:`clock` makes a clock."""
    pace = click.option(
        "--ms-per-step",
        metavar="MS",
        type=click.FloatRange(0, min_open=True),
        help="For models without a clock: milliseconds a time step.",
    )
    onset = click.option(
        "--onset-ms",
        multiple=True,
        metavar="AREA=MS",
        help="For models without a clock: latency of an area's first response, in ms after stimulus onset "
        "(repeatable).",
    )
    return pace(onset(command))


def field_of_view(command: F) -> F:
    """Add ``--degrees`` of a model."""
    return click.option(
        "--degrees",
        "visual_degrees",
        metavar="DEGREES",
        type=click.FloatRange(0, min_open=True),
        help="Field of view of models that state none, in degrees of visual angle; 8 by default.",
    )(command)


def check_result(out: Path, option: str, *inputs: Path) -> None:
    """Refuse a file for a result, before the work, that could not be written after it, or that is an input of it."""

    def refuse(why: str) -> NoReturn:
        raise click.BadParameter(f"{out}: {why}", param_hint=option)

    if out.suffix != ".nc":
        refuse("the result is a netCDF file: give a name that ends in .nc")
    if out.is_dir():
        refuse("is a folder: give the name of a file")
    if not out.parent.is_dir():
        refuse(f"there is no folder {out.parent}: make it first")
    if not os.access(out.parent, os.W_OK):
        refuse(f"the folder {out.parent} cannot be written to: choose another place")
    place = out.resolve()
    for source in inputs:
        read = source.resolve()
        if place == read or (read.suffix == ".zarr" and read in place.parents):
            refuse(f"{source} is what is read: give another name")
    if out.exists():
        from ventralrnn.analysis.results import check_replaceable

        check_replaceable(out)


def clock(ms_per_step: float | None, onset_ms: tuple[str, ...]) -> "Clock | None":
    """Return the clock that ``--ms-per-step`` and ``--onset-ms`` give, or None."""
    from ventralrnn.graph import Clock

    onsets = pairs(onset_ms, "--onset-ms", "IT=100")
    if ms_per_step is None:
        if onsets:
            raise click.BadParameter("goes with --ms-per-step", param_hint="--onset-ms")
        return None
    try:
        return Clock(ms_per_step, {area: float(value) for area, value in onsets.items()}, source="command line")
    except ValueError:
        raise click.BadParameter(
            f"{', '.join(onset_ms)}: give milliseconds, like IT=100", param_hint="--onset-ms"
        ) from None
