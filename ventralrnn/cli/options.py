"""Options that several commands have, so that they read the same everywhere."""

import json
import re
import sys
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from ventralrnn.graph import Clock

F = TypeVar("F", bound=Callable[..., Any])


def device(command: F) -> F:
    """Add ``--device``."""
    return click.option(
        "--device", default="auto", show_default=True, metavar="auto|cpu|cuda|mps", help="Where to run."
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
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on standard output.")(command)


def print_json(result: Any) -> None:
    """Print a result as JSON; NaN, which JSON lacks, becomes null."""

    def clean(value: Any) -> Any:
        if isinstance(value, float) and value != value:
            return None
        if isinstance(value, dict):
            return {str(k): clean(v) for k, v in value.items()}
        return [clean(v) for v in value] if isinstance(value, list | tuple) else value

    click.echo(json.dumps(clean(result), indent=2))


def is_terminal() -> bool:
    """Whether a progress bar would be seen."""
    return sys.stderr.isatty()


def show_warnings_plainly() -> None:
    """Show each warning as one line without the code that it came from; those of a kind, such as one a step, once."""
    shown = set()

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        kind = re.sub(r"\d+", "", str(message))
        if kind not in shown:
            shown.add(kind)
            click.echo(f"ventralrnn: warning: {message}", err=True)

    warnings.showwarning = show
    warnings.simplefilter("once", UserWarning)


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
