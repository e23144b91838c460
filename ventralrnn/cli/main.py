"""The command ``ventralrnn``: finds the subcommand's file, and turns errors into one line and an exit status."""

import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from ventralrnn import __version__
from ventralrnn.cli import wording
from ventralrnn.errors import VentralrnnError

# Name -> one line of help. Kept here so that ``--help`` imports no command.
COMMANDS = {
    "demo": "Record every area at every time step for the embedded stimuli and draw the time courses.",
    "models": "List the zoo; or print one model: transition matrix, parameters, clock.",
    "data": "Data sets: list, get, path; check, for data of your own.",
    "train": "Train a model on labelled pictures.",
    "evaluate": "Accuracy of a model at every readout time, on pictures that it has not learnt from.",
    "extract": "Record areas of a model at every time step for a set of stimuli.",
    "rdm": "Compute the RDMs of every area at every time step of a recording.",
    "rsa": "Compare every area and step with brains: noise ceilings, intervals, tests.",
    "dynamics": "When each area of a recording responds, how selectively, and how its state moves.",
    "score": "Score a model on a benchmark of Brain-Score or of ventralrnn.",
    "benchmarks": "List the benchmarks of ventralrnn and of Brain-Score, and whether the data are here.",
    "report": "Write one HTML page over recordings and results, to look at or to send about.",
    "submit": "Write a model as a plugin for Brain-Score.",
}


class _Commands(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        return import_module(f"ventralrnn.cli.{name}").command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="ventralrnn")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Recurrent models of the primate ventral stream: every area, every time step."""


def main(args: list[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 2 bad arguments or input, 130 interrupted."""
    arguments = sys.argv[1:] if args is None else args
    # A thread that waits for another gives its core away: on a machine that does something else too, waiting by
    # spinning makes a forward pass over ten times slower. It must be said before torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    debug = "--debug" in arguments
    # --debug is accepted anywhere on the line, so that it can be added to a command that failed.
    arguments = [a for a in arguments if a != "--debug"]
    sys.exit(_run(arguments, debug))


def _run(arguments: list[str], debug: bool) -> int:
    try:
        return cli.main(arguments, prog_name="ventralrnn", standalone_mode=False) or 0
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except (KeyboardInterrupt, click.Abort) as error:
        # click raises an Abort from the KeyboardInterrupt.
        return _say(f"interrupted: {_notes(error.__cause__ or error) or 'nothing was written'}", 130)
    except BrokenPipeError:
        # The reader went away (`ventralrnn models | head`); nothing to say, and nowhere to flush to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else error.format_message(), err=True)
        return 2
    except click.ClickException as error:
        message = wording.in_one_line(error, COMMANDS)
    except (VentralrnnError, OSError) as error:
        if debug:
            traceback.print_exc()
        plain = wording.of_system(error) if isinstance(error, OSError) else str(error)
        message = "; ".join([wording.in_options(plain, *called(arguments)), *filter(None, [_notes(error)])])
    return _say(f"error: {message}", 2)


def called(arguments: Sequence[str]) -> tuple[click.Command, dict[str, Any]]:
    """Return the command that a command line calls, and what it gives it, as it is written there."""
    command: click.Command = cli
    rest = list(arguments)
    while isinstance(command, click.Group) and rest:
        found = command.get_command(click.Context(command), rest.pop(0))
        if found is None:
            break
        command = found
    try:
        return command, command.make_parser(click.Context(command)).parse_args(rest)[0]
    except click.ClickException:
        return command, {}


def _notes(error: BaseException) -> str:
    """Return what a command has said about an error that passed it, such as what is kept."""
    return "; ".join(getattr(error, "__notes__", ()))


def _say(message: str, status: int) -> int:
    # One line, whatever a file is called or another library says.
    print(f"ventralrnn: {' '.join(message.split())}", file=sys.stderr)
    return status
