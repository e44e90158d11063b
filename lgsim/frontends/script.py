"""Model scripts: Python files with a `build()` that returns a graph, and their free parameters."""

from __future__ import annotations

import gzip
import inspect
import sys
import traceback
import types
import typing
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lgsim.errors import LgsimError
from lgsim.frontends.values import converted
from lgsim.graph import Graph

Arguments = Mapping[str, object]


def load_script(path: Path) -> types.ModuleType:
    """Run a model script (plain or ``.gz``) and return its namespace.

    Raises
    ------
    LgsimError
        If the file cannot be read, is no Python, or fails while it runs.
    """
    try:
        raw = path.read_bytes()
        source = gzip.decompress(raw) if path.suffix == ".gz" else raw
    except (OSError, EOFError, zlib.error) as error:
        raise LgsimError(f"cannot be read: {error}", where=str(path)) from None
    module = types.ModuleType(f"lgsim_script_{path.name.partition('.')[0]}", None)
    module.__file__ = str(path)
    # Dataclasses and type hints of the script look their module up by name.
    sys.modules[module.__name__] = module
    with _script_errors(path):
        exec(compile(source, str(path), "exec"), module.__dict__)
    return module


def build_graph(
    path: Path,
    module: types.ModuleType,
    *,
    batch: int | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    args: Arguments | None = None,
    defaults: Arguments | None = None,
) -> Graph:
    """Call `build()` of a script.

    Parameters
    ----------
    path : Path
        The script, for messages.
    module : ModuleType
        What `load_script` returned.
    batch : int, optional
        Passed as the parameter ``batch``.
    shapes : mapping, optional
        Shapes the inputs must have; a script derives them from its parameters.
    args : mapping, optional
        Values of parameters by name; text is converted to the type of the parameter.
    defaults : mapping, optional
        Values for parameters that `args` does not name.

    Raises
    ------
    LgsimError
        If there is no `build()`, a parameter is unknown, missing or of the wrong type, the
        script fails, or what it returns is not a graph with the wanted input shapes.
    """
    function = getattr(module, "build", None)
    if not callable(function):
        raise LgsimError(
            "has no function build()", where=str(path), hint="define build() -> lgsim.Graph"
        )
    given = dict(args or {})
    if batch is not None:
        if "batch" in given:
            raise LgsimError("batch is given twice", where=str(path))
        given["batch"] = batch
    keywords = {**(defaults or {}), **_arguments(path, function, given)}
    _check_complete(path, function, keywords)
    with _script_errors(path):
        graph = function(**keywords)
    if not isinstance(graph, Graph):
        raise LgsimError(
            f"build() returned {type(graph).__name__}",
            where=str(path),
            limit="a lgsim.Graph is needed",
        )
    _check_inputs(path, function, graph, shapes or {})
    return graph


def _arguments(path: Path, function: Callable[..., object], given: Arguments) -> dict[str, object]:
    """Keyword arguments for `function`, converted to the types of its parameters."""
    parameters = inspect.signature(function).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    try:
        hints = typing.get_type_hints(function)
    except (NameError, TypeError):
        hints = {}  # annotations that only a type checker resolves; defaults decide
    keywords: dict[str, object] = {}
    for name, value in given.items():
        parameter = parameters.get(name)
        if not takes_any and (parameter is None or not _by_keyword(parameter)):
            import difflib

            close = difflib.get_close_matches(name, _names(function), n=1)
            raise LgsimError(
                f"build() has no parameter '{name}'",
                where=str(path),
                limit=_signature(function),
                hint=f"did you mean '{close[0]}'?" if close else "",
            )
        default = None if parameter is None else parameter.default
        keywords[name] = converted(name, value, hints.get(name), default, where=str(path))
    return keywords


def _check_complete(path: Path, function: Callable[..., object], given: Arguments) -> None:
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.default is parameter.empty and _by_keyword(parameter) and name not in given:
            raise LgsimError(
                f"build() needs a value for '{name}'", where=str(path), hint=f"--arg {name}=…"
            )


def _check_inputs(
    path: Path,
    function: Callable[..., object],
    graph: Graph,
    shapes: Mapping[str, tuple[int, ...]],
) -> None:
    for name, shape in shapes.items():
        if name not in graph.inputs:
            raise LgsimError(
                f"there is no input '{name}'",
                where=str(path),
                limit="inputs are " + ", ".join(graph.inputs),
            )
        actual = graph.tensor(name).shape
        if actual != tuple(shape):
            raise LgsimError(
                f"input '{name}' is {'x'.join(map(str, actual))}, not {'x'.join(map(str, shape))}",
                where=str(path),
                hint=f"a script sets its shapes by --arg; {_signature(function)}",
            )


def _by_keyword(parameter: inspect.Parameter) -> bool:
    return parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)


def _names(function: Callable[..., object]) -> list[str]:
    return [n for n, p in inspect.signature(function).parameters.items() if _by_keyword(p)]


def _signature(function: Callable[..., object]) -> str:
    names = _names(function)
    return "parameters are " + ", ".join(names) if names else "it has no parameters"


@contextmanager
def _script_errors(path: Path) -> Iterator[None]:
    """Turn whatever a script raises into one line that tells where; its folder is importable."""
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    try:
        yield
    except LgsimError as error:
        error.where = f"{path}: {error.where}" if error.where else str(path)
        raise
    except SyntaxError as error:
        line = f":{error.lineno}" if error.lineno else ""
        where = f"{error.filename or path}{line}"
        raise LgsimError(f"is no valid Python: {error.msg}", where=where) from None
    except (Exception, SystemExit) as error:
        message = " ".join(str(error).split())
        what = f"{type(error).__name__}: {message}" if message else type(error).__name__
        raise LgsimError(what, where=_place(path, error)) from error
    finally:
        sys.path.remove(folder)


def _place(path: Path, error: BaseException) -> str:
    """Script and line the error came through last."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    return f"{path}:{lines[-1]}" if lines else str(path)
