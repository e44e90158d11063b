"""The zoo: named networks, each a script of the models folder with some arguments.

A script takes part by a table ``MODELS = {"name": {parameter: value, …}, …}`` beside its
`build()`; the first line of its docstring is the summary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from lgsim.errors import LgsimError
from lgsim.frontends.script import Arguments, build_graph, load_script
from lgsim.graph import Graph
from lgsim.resources import models_dir


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One network of the zoo.

    Attributes
    ----------
    name : str
        What `load_model` and the command line call it.
    summary : str
        One line on the family.
    params, macs : int
        Elements of the weights, and multiply-accumulates of one inference.
    trained_params : int
        Parameters as papers count them, before anything is folded or gathered offline.
    inputs : dict of str to tuple of int
        Shapes of the inputs with the script's defaults.
    """

    name: str
    summary: str
    params: int
    trained_params: int
    macs: int
    inputs: dict[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class _Family:
    """A script of the zoo that has been run."""

    path: Path
    module: ModuleType
    models: Mapping[str, Arguments]


def build_zoo_model(
    name: str,
    *,
    batch: int | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    args: Arguments | None = None,
) -> Graph:
    """Build the zoo network `name`; the parameters are those of `load_model`."""
    family = _family_of(name)
    if family is None:
        raise _unknown(name)
    return _build(family, name, batch, shapes, args)


def has_model(name: str) -> bool:
    """Whether the zoo has a network of that name."""
    return _family_of(name) is not None


def list_models() -> list[ModelEntry]:
    """All networks of the zoo with the script's defaults, in alphabetical order of families."""
    entries = []
    for family in map(_family, _scripts()):
        summary = (family.module.__doc__ or "").strip().partition("\n")[0]
        for name in family.models:
            graph = _build(family, name)
            inputs = {tensor: graph.tensor(tensor).shape for tensor in graph.inputs}
            params = graph.params()
            trained = params if graph.trained_params is None else graph.trained_params
            entries.append(ModelEntry(name, summary, params, trained, graph.macs(), inputs))
    return entries


def _scripts() -> list[Path]:
    return sorted(models_dir().glob("*.py"))


def _family(path: Path) -> _Family:
    module = load_script(path)
    models = getattr(module, "MODELS", {})
    if not isinstance(models, Mapping):
        raise LgsimError("MODELS is no table of names", where=str(path))
    return _Family(path, module, models)


def _family_of(name: str) -> _Family | None:
    for path in _scripts():
        # Only a script that mentions the name has to be run.
        if f'"{name}"' in path.read_text(encoding="utf-8"):
            family = _family(path)
            if name in family.models:
                return family
    return None


def _build(
    family: _Family,
    name: str,
    batch: int | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    args: Arguments | None = None,
) -> Graph:
    graph = build_graph(
        family.path,
        family.module,
        batch=batch,
        shapes=shapes,
        args=args,
        defaults=family.models[name],
    )
    graph.name = name
    return graph


def _unknown(name: str) -> LgsimError:
    names = [model for path in _scripts() for model in _family(path).models]
    plain = name.lower().replace("-", "_")
    import difflib

    close = difflib.get_close_matches(plain, names, n=3)
    if close:
        hint = "did you mean " + " or ".join(f"'{model}'" for model in close) + "?"
    else:
        hint = "'lgsim models' lists the zoo; files end in .onnx, .py or .mlir"
    return LgsimError(f"there is no network '{name}'", hint=hint)
