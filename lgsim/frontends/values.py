"""Text from the command line to the value a script's parameter wants."""

from __future__ import annotations

import ast
import inspect
import types
import typing

from lgsim.errors import LgsimError

_TRUTHS = {"true": True, "yes": True, "on": True, "1": True}
_TRUTHS |= {"false": False, "no": False, "off": False, "0": False}


def converted(name: str, value: object, hint: object, default: object, *, where: str) -> object:
    """`value` as the type of a parameter.

    Parameters
    ----------
    name : str
        Parameter, for messages.
    value : object
        Text to convert; anything else is passed on as it is.
    hint : object
        Annotation of the parameter, or None; then the type of `default` decides.
    default : object
        Default of the parameter; `inspect.Parameter.empty` if it has none.
    where : str
        What the parameter belongs to, for messages.

    Raises
    ------
    LgsimError
        If the text does not read as that type.
    """
    if not isinstance(value, str):
        return value
    if hint is None and default is not None and default is not inspect.Parameter.empty:
        hint = type(default)
    try:
        return _read(value, hint)
    except ValueError:
        raise LgsimError(
            f"'{value}' does not suit parameter '{name}'", where=where, limit=_wanted(hint)
        ) from None


def _read(text: str, hint: object) -> object:
    """`text` as `hint`: numbers, truth values, text, tuples and lists of them, or alternatives."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _first_of(text, parts)
    if origin is typing.Literal:
        return _one_of(text, parts)
    container = origin or hint
    if container in (tuple, list):
        item = parts[0] if parts else None
        plain = text.strip("()[] ")
        items = (plain if item is str else plain.replace("x", ",")).split(",")
        if not items[-1].strip():
            items.pop()  # "(2,)" and "" are tuples too
        values = [_read(element.strip(), item) for element in items]
        return values if container is list else tuple(values)
    if hint is bool:
        if text.lower() not in _TRUTHS:
            raise ValueError(text)
        return _TRUTHS[text.lower()]
    if hint is int or hint is float:
        return int(text) if hint is int else float(text)
    return text if hint is str else _literal(text)


def _first_of(text: str, hints: tuple[object, ...]) -> object:
    """The first alternative that `text` suits; text itself comes last."""
    if type(None) in hints and text.lower() == "none":
        return None
    for hint in sorted((h for h in hints if h is not type(None)), key=lambda h: h is str):
        try:
            return _read(text, hint)
        except ValueError:
            continue
    raise ValueError(text)


def _one_of(text: str, values: tuple[object, ...]) -> object:
    for value in values:
        if str(value) == text:
            return value
    raise ValueError(text)


def _literal(text: str) -> object:
    """A Python literal if `text` is one, else `text`."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _wanted(hint: object) -> str:
    if typing.get_origin(hint) is typing.Literal:
        return "one of " + ", ".join(map(str, typing.get_args(hint)))
    name = hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint)
    return f"takes {name}, like 2,2,6,2" if "tuple" in name or "list" in name else f"takes {name}"
