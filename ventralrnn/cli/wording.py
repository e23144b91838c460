"""What went wrong, in one line and in the words of the command line.

Errors of the package speak of Python: a message that is about an argument begins with its name (``method: ...``), and
what to give instead reads ``bootstrap=0`` in it. A command's options are named, inside, as the arguments that they
stand for, so that both can be said with the options' own names: ``--compare: ...`` and ``--bootstrap 0``.
"""

import errno
import re
from collections.abc import Mapping
from difflib import get_close_matches

import click

# Arguments that several options make up together.
_TOGETHER = {"clock": ("--ms-per-step", "--onset-ms"), "preprocessing": ("--size",)}
_VALUE = r"'[^']*'|\{[^{}]*\}|\[[^\[\]]*\]|\w+\(\.\.\.\)|[\w.+-]*[\w+-]"
_KEYWORD = re.compile(rf"(?<![\w-])(\w+)=({_VALUE})")
_SUBJECT = re.compile(r"(\w+(?:, \w+)*)(?=: | '| -?\d)")


def in_options(text: str, command: click.Command, given: Mapping[str, object]) -> str:
    """Say with a command's options what a message says with arguments of Python functions.

    Parameters
    ----------
    text : str
        The message of an error or a warning.
    command : click.Command
        Whose options are meant.
    given : mapping
        What was given for its parameters, by which arguments without an option are named.

    Returns
    -------
    str
        The message; what stands for no option of this command is left as it is.
    """
    single, mapped = _labels(command, given)

    def say(match: re.Match[str]) -> str:
        name, value = match.groups()
        plain = re.sub(r"['\s]", "", value[1:-1] if value[0] in "[{" else value)
        if value.startswith("{") and name in mapped:
            return f"{mapped[name][0]} {plain.replace(':', '=')}"
        found = single.get(name) or mapped.get(name)
        if found is None:
            return match.group()
        label, is_flag = found
        if is_flag:
            return label if value == "True" else f"no {label}"
        return label if value.endswith("(...)") else f"{label} {plain}"

    begin = _SUBJECT.match(text)
    names = begin.group().split(", ") if begin else []
    if names and all(name in single or name in mapped for name in names):
        subject = ", ".join((single.get(name) or mapped[name])[0] for name in names)
        text = subject + text[len(", ".join(names)) :]
    # What stands in backticks is an argument, or else a command or code, which is left as it is.
    parts = text.split("`")
    for i, part in enumerate(parts):
        if i % 2 == 0:
            parts[i] = _KEYWORD.sub(say, part)
        else:
            parts[i] = single[part][0] if part in single else f"`{part}`"
    return "".join(parts) if len(parts) % 2 else _KEYWORD.sub(say, text)


def _labels(
    command: click.Command, given: Mapping[str, object]
) -> tuple[dict[str, tuple[str, bool]], dict[str, tuple[str, bool]]]:
    """Return how options and arguments are called, and whether they are flags; those that give a mapping apart."""
    single: dict[str, tuple[str, bool]] = {}
    mapped: dict[str, tuple[str, bool]] = {}
    for parameter in command.params:
        # An underscore at the end tells apart two options that stand for the same argument.
        name = (parameter.name or "").rstrip("_")
        if isinstance(parameter, click.Option):
            label = max(parameter.opts, key=len)
            mapping = parameter.multiple and "=" in (parameter.metavar or "")
            (mapped if mapping else single)[name] = (label, parameter.is_flag)
        else:
            single[name] = (str(given.get(parameter.name or "") or parameter.human_readable_name), False)
    there = {option for parameter in command.params for option in parameter.opts}
    for name, options in _TOGETHER.items():
        if there.issuperset(options):
            single[name] = (" and ".join(options), False)
    return single, mapped


def in_one_line(error: click.ClickException, known: Mapping[str, object]) -> str:
    """Return what is wrong with a command line, and where its help is.

    Parameters
    ----------
    error : click.ClickException
        What click found.
    known : mapping
        Its keys are the names of all commands.
    """
    message = error.format_message().removesuffix(".")
    if isinstance(error, click.NoSuchOption):
        close = ", ".join(error.possibilities or ())
        message = f"no such option {error.option_name}" + f"; did you mean {close}?" * bool(close)
    elif isinstance(error, click.BadParameter) and not isinstance(error, click.MissingParameter):
        hint = error.param_hint or (error.param.get_error_hint(error.ctx) if error.param and error.ctx else "")
        names = ", ".join(hint) if isinstance(hint, list | tuple) else str(hint)
        message = f"{names.replace(chr(39), '')}: {_plain_range(error.message.removesuffix('.'))}"
    elif message.startswith("No such command"):
        name = message.split("'")[1]
        close = ", ".join(get_close_matches(name, known, 1))
        hint = f"did you mean {close}?" if close else f"there are {', '.join(known)}"
        message = f"no such command {name!r}; {hint}"
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "ventralrnn"
    message = message[:1].lower() + message[1:] if message[:2].istitle() else message
    return f"{' '.join(message.split())} (see {path} --help)"


def _plain_range(message: str) -> str:
    """Write a range as one would say it."""
    range_ = re.search(r"is not in the range (?:(\S+?)(<=?))?x(?:(<=?|>=?)(\S+))?$", message)
    if range_ is None:
        return message
    low, low_sign, sign, bound = range_.groups()
    if low is None:
        said = {">=": "{} or more", ">": "more than {}", "<=": "{} or less", "<": "less than {}"}[sign].format(bound)
    else:
        said = f"{low if low_sign == '<=' else f'more than {low}'} to {bound if sign == '<=' else f'less than {bound}'}"
    return f"{message[: range_.start()].strip()} is out of range: give {said}"


def of_system(error: OSError) -> str:
    """Return what the system refused, in one line that names the file.

    Parameters
    ----------
    error : OSError
        What was raised.
    """
    reason = error.strerror or str(error) or type(error).__name__
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        reason = f"{reason}: free some space, or write to another disk"
    elif error.errno == errno.EFBIG:
        reason = "larger than files may be here (ulimit -f, or the file system)"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        reason = f"{reason.lower()}: choose another place, or change who may write there"
    elif error.errno == errno.EEXIST:
        reason = "is there already: give another name, or remove it"
    elif error.errno == errno.ENOTDIR:
        reason = "a file stands where a folder should: give another place"
    elif error.errno == errno.EISDIR:
        reason = "is a folder: give the name of a file"
    elif error.errno == errno.ENOENT:
        reason = "there is no such file or folder"
    name = error.filename2 or error.filename
    return f"{name}: {reason}" if name else reason
