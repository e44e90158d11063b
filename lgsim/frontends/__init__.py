"""Where networks come from: zoo names, ONNX files, Python scripts, tpu-mlir's lowered graphs."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path

from lgsim.errors import LgsimError
from lgsim.frontends.zoo import ModelEntry, build_zoo_model, has_model, list_models
from lgsim.graph import Graph

__all__ = ["ModelEntry", "list_models", "load_model"]

SUFFIXES = (".onnx", ".py", ".mlir")


def load_model(
    name_or_path: str | PathLike[str],
    *,
    batch: int | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    args: Mapping[str, object] | None = None,
) -> Graph:
    """Read or build a network.

    Parameters
    ----------
    name_or_path : str or path
        A zoo name, or a file ending in ``.onnx``, ``.py`` (a script with a `build()`) or
        ``.mlir`` (tpu-mlir's lowered graph), each also with ``.gz`` behind it.
    batch : int, optional
        First dimension of the inputs of an ONNX file; parameter ``batch`` of a script.
    shapes : mapping of str to tuple of int, optional
        Shapes of inputs of an ONNX file by name; a script's inputs must agree with them.
    args : mapping, optional
        Free parameters of a script or zoo network; text is converted to their types.

    Returns
    -------
    Graph
        The network as imported, before any rewrite.

    Raises
    ------
    LgsimError
        One clear line on what is wrong with the name, the file or the parameters.
    """
    text = fspath(name_or_path)
    path = Path(text)
    suffix = Path(text.removesuffix(".gz")).suffix
    if suffix not in SUFFIXES:
        _check_zoo_name(text)
        return build_zoo_model(text, batch=batch, shapes=shapes, args=args)
    _check_file(path)
    if suffix == ".py":
        from lgsim.frontends.script import build_graph, load_script

        return build_graph(path, load_script(path), batch=batch, shapes=shapes, args=args)
    if args:
        raise LgsimError(
            f"has no parameter '{next(iter(args))}'", where=text, limit="only scripts have any"
        )
    if suffix == ".onnx":
        from lgsim.frontends.onnx import import_onnx

        return import_onnx(path, batch=batch, shapes=shapes)
    if batch is not None or shapes:
        raise LgsimError(
            "is lowered for fixed shapes", where=text, hint="leave out batch and shape"
        )
    from lgsim.frontends.tpu_mlir import import_mlir

    return import_mlir(path)


def _check_zoo_name(text: str) -> None:
    """Refuse what looks like a file, or is one, but not of a known kind."""
    path = Path(text)
    plain = path.name == text and not path.suffix
    if plain and (not path.exists() or has_model(text)):
        return
    what = f"directory '{text}' is not a network" if path.is_dir() else f"'{text}' is not a network"
    hint = "export it to ONNX" if path.is_file() else ""
    raise LgsimError(what, limit="a zoo name, or a file in " + ", ".join(SUFFIXES), hint=hint)


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise LgsimError("is a directory", where=str(path))
    if not path.exists():
        raise LgsimError("there is no such file", where=str(path))
