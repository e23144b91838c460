"""Specifications as plain JSON or YAML: dataclasses to dictionaries and back, with errors that say where."""

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from ventralrnn.errors import SpecificationError, VentralrnnError
from ventralrnn.files import whole

T = TypeVar("T")


def to_plain(value: Any, full: bool = False) -> Any:
    """Turn a dataclass into dictionaries, lists, strings and numbers.

    Parameters
    ----------
    value : dataclass instance, or anything JSON holds
        What to write.
    full : bool
        Write fields that have their default value too, so that the result keeps its meaning if a default changes.

    Returns
    -------
    dict, list, str, int, float, bool or None
        What :func:`from_plain` reads.

    Examples
    --------
    >>> from ventralrnn.graph import Connection, to_plain
    >>> to_plain(Connection("V1", "V2", delay=2))
    {'source': 'V1', 'target': 'V2', 'delay': 2, 'name': 'V1-V2'}
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: to_plain(item, full)
            for field in dataclasses.fields(value)
            if (item := getattr(value, field.name)) != _default(field) or full
        }
    if isinstance(value, Mapping):
        return {str(key): to_plain(item, full) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_plain(item, full) for item in value]
    return value


def from_plain(kind: type[T], plain: Any, where: str = "") -> T:
    """Build a dataclass from what :func:`to_plain` made of it.

    Parameters
    ----------
    kind : type
        The dataclass.
    plain : dict
        Its fields.
    where : str
        Name of what is read, for messages.

    Returns
    -------
    object
        An instance of ``kind``.

    Raises
    ------
    SpecificationError
        If a field is unknown, missing or of the wrong type; the message names it.

    Examples
    --------
    >>> from ventralrnn.graph import Area, from_plain
    >>> from_plain(Area, {"name": "V4", "channels": 64})
    Area(name='V4', channels=64, stride=1)
    """
    where = where or kind.__name__
    if not isinstance(plain, Mapping):
        raise SpecificationError(f"{where}: expected fields and values, found {plain!r}")
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = [name for name in plain if name not in fields]
    if unknown:
        raise SpecificationError(f"{where}: unknown field {unknown[0]!r}; it has {', '.join(fields)}")
    missing = [name for name, field in fields.items() if name not in plain and _default(field) is dataclasses.MISSING]
    if missing:
        raise SpecificationError(f"{where}: field {missing[0]!r} is missing")
    hints = typing.get_type_hints(kind)
    return kind(**{name: _convert(hints[name], value, f"{where}.{name}") for name, value in plain.items()})


def write_plain(value: Any, path: str | Path) -> None:
    """Write a dataclass to a ``.json``, ``.yaml`` or ``.yml`` file.

    Parameters
    ----------
    value : dataclass instance
        What to write; fields that have their default value are left out.
    path : str or pathlib.Path
        Where; the ending says how.

    Examples
    --------
    >>> from pathlib import Path
    >>> from ventralrnn.graph import Area, read_plain, write_plain
    >>> write_plain(Area("V4", channels=64), "v4.yaml")
    >>> print(Path("v4.yaml").read_text().strip())
    name: V4
    channels: 64
    >>> read_plain(Area, "v4.yaml")
    Area(name='V4', channels=64, stride=1)
    """
    path = Path(path)
    plain = to_plain(value)
    if path.suffix == ".json":
        text = json.dumps(plain, indent=2) + "\n"
    elif path.suffix in (".yaml", ".yml"):
        import yaml

        text = yaml.safe_dump(plain, sort_keys=False)
    else:
        raise SpecificationError(f"{path}: give the file the ending .json, .yaml or .yml")
    with whole(path) as partial:
        partial.write_text(text, encoding="utf-8")


def read_plain(kind: type[T], path: str | Path) -> T:
    """Read a dataclass from a ``.json``, ``.yaml`` or ``.yml`` file.

    Parameters
    ----------
    kind : type
        The dataclass.
    path : str or pathlib.Path
        A file that :func:`write_plain` wrote, or that is like one.

    Returns
    -------
    object
        An instance of ``kind``.

    Raises
    ------
    SpecificationError
        If the file is missing, is not JSON or YAML, or does not describe a ``kind``.

    Examples
    --------
    >>> from ventralrnn.graph import Area, read_plain, write_plain
    >>> write_plain(Area("V4", channels=64), "v4.json")
    >>> read_plain(Area, "v4.json")
    Area(name='V4', channels=64, stride=1)
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecificationError(f"{path}: cannot be read: {error}") from None
    import yaml

    try:
        plain = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (json.JSONDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise SpecificationError(f"{path}: not valid {path.suffix.lstrip('.')}: {reason}") from None
    try:
        return from_plain(kind, plain)
    except VentralrnnError as error:
        raise type(error)(f"{path}: {error}") from None


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _convert(hint: Any, value: Any, where: str) -> Any:
    """Fit a plain value to a field's type."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        return _convert(next(a for a in arguments if a is not type(None)), value, where)
    if dataclasses.is_dataclass(hint):
        return from_plain(typing.cast(type, hint), value, where)
    if origin is typing.Literal:
        if value not in arguments:
            raise SpecificationError(f"{where}: {value!r} is not one of {', '.join(map(str, arguments))}")
        return value
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise SpecificationError(f"{where}: expected a list, found {value!r}")
        inner = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else list(arguments)
        if len(inner) != len(value):
            raise SpecificationError(f"{where}: expected {len(inner)} values, found {len(value)}")
        return tuple(_convert(h, v, f"{where}[{i}]") for i, (h, v) in enumerate(zip(inner, value, strict=True)))
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise SpecificationError(f"{where}: expected names and values, found {value!r}")
        return {key: _convert(arguments[1], item, f"{where}.{key}") for key, item in value.items()}
    return _scalar(hint, value, where)


def _scalar(hint: type, value: Any, where: str) -> Any:
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise SpecificationError(f"{where}: expected {hint.__name__}, found {value!r}")
    return value
