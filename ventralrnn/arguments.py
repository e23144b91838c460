"""Arguments of public functions held against their annotations: one clear line for a wrong one, and which it is."""

import collections.abc
import functools
import inspect
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from ventralrnn.errors import VentralrnnError

F = TypeVar("F", bound=Callable[..., Any])

_ARRAYS = {("numpy", "ndarray"), ("torch", "Tensor")}
_PLAIN: dict[Any, str] = {int: "a whole number", float: "a number", bool: "True or False", str: "a string"}
_MANY: dict[Any, str] = {int: "whole numbers", float: "numbers", str: "names"}


def checked(error: type[VentralrnnError]) -> Callable[[F], F]:
    """Return a decorator that refuses arguments which the annotations of a function do not allow.

    What is obvious is taken: a name where names are wanted, a number where numbers are.

    Parameters
    ----------
    error : type
        What is raised; the message names the argument and says what to give.

    Returns
    -------
    callable
        The decorator. Missing and unknown arguments stay a TypeError.
    """

    def decorate(function: F) -> F:
        signature = inspect.signature(function)
        hints = functools.cache(lambda: get_type_hints(function))

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            bound = signature.bind(*args, **kwargs)
            for name, value in bound.arguments.items():
                bound.arguments[name] = check_argument(value, hints()[name], name, error)
            return function(*bound.args, **bound.kwargs)

        return cast(F, call)

    return decorate


def check_argument(value: Any, hint: Any, name: str, error: type[VentralrnnError]) -> Any:
    """Return an argument in the form that its annotation allows.

    Parameters
    ----------
    value : object
        As it was given.
    hint : type
        Annotation.
    name : str
        Of the argument.
    error : type
        What is raised.

    Returns
    -------
    object
        The argument; a tuple of it where a sequence is wanted and it is one item.

    Raises
    ------
    VentralrnnError
        The given class, if it does not fit.
    """
    options = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    for option in options:
        fits, taken = _fit(value, option)
        if fits:
            return taken
    wanted = list(dict.fromkeys(_describe(option) for option in options if option is not type(None)))
    text = " or ".join(filter(None, [", ".join(wanted[:-1]), wanted[-1]]))
    raise error(f"{name}: give {text}, not {_show(value)}")


def _fit(value: Any, option: Any) -> tuple[bool, Any]:
    origin = get_origin(option)
    if option is Any:  # a class since Python 3.11
        return True, value
    if origin is Literal:
        # The function knows what else to say of a string.
        return isinstance(value, str) or value in get_args(option), value
    if option in _PLAIN:
        return _fit_plain(value, option)
    if origin in (collections.abc.Sequence, list, tuple):
        return _fit_many(value, (get_args(option) or (Any,))[0])
    kind = origin or option
    if _key(kind) in _ARRAYS:
        return hasattr(value, "__array__") and not isinstance(value, Mapping) or isinstance(value, list | tuple), value
    if kind is collections.abc.Callable:
        return callable(value), value
    return not isinstance(kind, type) or isinstance(value, kind), value


def _fit_plain(value: Any, option: Any) -> tuple[bool, Any]:
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        value = value.item()
    if option in (int, float):
        number = isinstance(value, Integral if option is int else Real) and not isinstance(value, bool)
        return number, value
    return isinstance(value, option), value


def _fit_many(value: Any, item: Any) -> tuple[bool, Any]:
    if item in _PLAIN:
        if _fit_plain(value, item)[0]:
            return True, (value,)
        if isinstance(value, str | Mapping) or not isinstance(value, Iterable) or getattr(value, "ndim", 1) != 1:
            return False, value
        kept = value if hasattr(value, "__len__") and hasattr(value, "__getitem__") else tuple(value)
        return all(_fit_plain(one, item)[0] for one in kept), kept
    listed = isinstance(value, Sequence) and not isinstance(value, str)
    return listed or (hasattr(value, "__array__") and getattr(value, "ndim", 1) > 0), value


def _describe(option: Any) -> str:
    origin = get_origin(option)
    if origin is Literal:
        return " or ".join(map(repr, get_args(option)))
    if option in _PLAIN:
        return _PLAIN[option]
    if origin in (collections.abc.Sequence, list, tuple):
        return _MANY.get((get_args(option) or (Any,))[0], "a list")
    kind = origin or option
    if _key(kind) in _ARRAYS:
        return "an array"
    names = {collections.abc.Mapping: "a mapping", collections.abc.Callable: "a function"}
    return names.get(kind) or _article(_name(kind))


def _show(value: Any) -> str:
    return repr(value) if isinstance(value, str | Real | types.NoneType) else _article(_name(type(value)))


def _key(kind: Any) -> tuple[str, str]:
    return getattr(kind, "__module__", "").split(".")[0], getattr(kind, "__name__", "")


def _name(kind: type) -> str:
    home, name = _key(kind)
    return name if home in ("builtins", "ventralrnn", "os") else f"{home}.{name}"


def _article(name: str) -> str:
    return f"{'an' if name[0].lower() in 'aeioux' else 'a'} {name}"
