"""From parsed MLIR to a typed `Graph` whose ops stand in the file's order."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

from lgsim.errors import LgsimError
from lgsim.frontends.tpu_mlir.handlers import HANDLERS, Handler, weight_shape
from lgsim.frontends.tpu_mlir.lexer import Source
from lgsim.frontends.tpu_mlir.parser import parse_module
from lgsim.frontends.tpu_mlir.site import VendorSite
from lgsim.frontends.tpu_mlir.syntax import Function, Module, Operation
from lgsim.graph.core import Graph, Tensor, TensorType
from lgsim.graph.ops import OpKind, Unknown


@dataclass(frozen=True, slots=True)
class MlirNetwork:
    """A lowered network, and what the file says it was lowered for.

    Attributes
    ----------
    graph : Graph
        Typed, already rewritten and lowered.
    chip, precision : str
        In lower case, for example ``bm1684x`` and ``int8``; empty if the file does not say.
    """

    graph: Graph
    chip: str
    precision: str


def import_mlir(path: str | Path) -> Graph:
    """The graph of a lowered network (`.mlir` or `.mlir.gz`); see `import_mlir_network`."""
    return import_mlir_network(path).graph


def import_mlir_network(path: str | Path) -> MlirNetwork:
    """Read tpu-mlir's lowered graph, as it stands just before layer grouping.

    Op and tensor names are the file's locations, op order is the file's order, and every tensor
    has the element type in which the chip stores it. Weights have shapes only.

    Parameters
    ----------
    path : str or Path
        A ``.mlir`` file, possibly gzipped.

    Returns
    -------
    MlirNetwork
        Graph, chip and precision.

    Raises
    ------
    LgsimError
        If the file cannot be read, or with line and column of what is not understood.
    """
    text = _read(Path(path))
    name = Path(path).name
    module = parse_module(text, name)
    if len(module.functions) != 1:
        raise LgsimError(
            f"the file has {len(module.functions)} functions, one was expected",
            where=name,
            hint="give the file written before the network is divided (*_tpu_lowered or *_tpu_opt)",
        )
    graph = _Importer(module, module.functions[0], Source(text, name)).run()
    precision = _word(module, "module.mode")
    graph.precision = precision or None
    return MlirNetwork(graph, _word(module, "module.chip"), precision)


def _word(module: Module, key: str) -> str:
    value = module.attributes.get(key, "")
    return value.lower() if isinstance(value, str) else ""


def _read(path: Path) -> str:
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        return data.decode("utf-8")
    except OSError as error:
        raise LgsimError(error.strerror or "cannot be read", where=str(path)) from error
    except (EOFError, zlib.error) as error:
        raise LgsimError("the gzip file is damaged or truncated", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise LgsimError("this is no text file", where=str(path)) from error


def _known_form(handler: Handler, site: VendorSite) -> OpKind | None:
    """The op kind of a vendor operation; None if operands or shapes are not as they should be.

    Another version of the vendor's compiler may give an operation other operands.
    """
    try:
        attrs = handler(site)
        types = tuple(
            replace(type_, shape=weight_shape(attrs, index, site.inputs))
            for index, type_ in enumerate(site.inputs)
        )
    except (IndexError, ValueError):
        return None
    try:
        inferred = attrs.infer(types)
    except LgsimError:
        return None
    return attrs if [x.shape for x in inferred] == [x.shape for x in site.outputs] else None


class _Importer:
    """Walks the operations of a function and builds the graph."""

    def __init__(self, module: Module, function: Function, source: Source) -> None:
        self._module = module
        self._function = function
        self._source = source
        self._graph = Graph(module.name or function.name)
        self._tensor_of: dict[str, str | None] = {}  # SSA value -> tensor; None for ``none``
        self._raw_weights: dict[str, TensorType] = {}  # types as the file has them
        self._unknown: dict[str, list[str]] = {}  # what is not known: where it stands

    def run(self) -> Graph:
        read_by_input = {
            value
            for operation in self._function.operations
            if operation.name == "top.Input"
            for value in operation.operands
        }
        for argument, type_ in self._function.arguments.items():
            if argument not in read_by_input and type_ is not None:
                self._add_input(argument, argument.removeprefix("%"), type_)
        for operation in self._function.operations:
            self._add(operation)
        self._graph.outputs = [
            name for value in self._function.returned if (name := self._tensor_of.get(value))
        ]
        for what, places in self._unknown.items():
            few = places[0] if len(places) == 1 else f"{places[0]} and {len(places) - 1} more"
            self._graph.warnings.append(f"{what} ({few}): priced by bandwidth alone")
        return self._graph

    def _add(self, operation: Operation) -> None:
        names = self._result_names(operation)
        if operation.name == "top.None":
            self._tensor_of[operation.results[0]] = None
        elif operation.name == "top.Input":
            self._add_input(operation.results[0], names[0], self._results(operation)[0])
        elif operation.name == "top.Weight":
            type_ = self._results(operation)[0]
            self._graph.add_tensor(Tensor(names[0], type_, weight=True))
            self._raw_weights[names[0]] = type_
            self._tensor_of[operation.results[0]] = names[0]
        else:
            self._add_op(operation, names)

    def _add_input(self, value: str, name: str, type_: TensorType) -> None:
        self._graph.add_input(name, type_)
        self._tensor_of[value] = name

    def _add_op(self, operation: Operation, names: list[str]) -> None:
        for value in operation.operands:
            if value not in self._tensor_of:
                raise self._error(operation, f"value {value} is used before it is defined")
        inputs = [name for value in operation.operands if (name := self._tensor_of[value])]
        site = VendorSite(
            operation.attributes,
            tuple(self._raw_weights.get(x, self._graph.tensor(x).type) for x in inputs),
            self._results(operation),
            self._source.position(operation.offset),
            tuple(self._tensor_of[value] is not None for value in operation.operands),
        )
        attrs = self._kind(operation, site)
        self._shape_weights(attrs, inputs, site)
        self._graph.add_op(attrs, inputs, names)
        for name, value, type_ in zip(names, operation.results, site.outputs, strict=True):
            self._graph.set_type(name, type_)
            self._tensor_of[value] = name

    def _kind(self, operation: Operation, site: VendorSite) -> OpKind:
        """The catalogue's kind if it agrees with the shapes in the file, else `Unknown`."""
        vendor_name = operation.name.removeprefix("tpu.").removeprefix("top.")
        handler = HANDLERS.get(vendor_name)
        attrs = None if handler is None else _known_form(handler, site)
        if attrs is not None:
            return attrs
        what = (
            f"op '{vendor_name}' is not known"
            if handler is None
            else f"op '{vendor_name}' has attributes or operands that do not give its result"
        )
        self._unknown.setdefault(what, []).append(site.where)
        return Unknown(vendor_name, site.outputs)

    def _shape_weights(self, attrs: OpKind, inputs: list[str], site: VendorSite) -> None:
        for index, name in enumerate(inputs):
            if self._graph.tensor(name).weight:
                shape = weight_shape(attrs, index, site.inputs)
                self._graph.set_type(name, replace(site.inputs[index], shape=shape))

    def _result_names(self, operation: Operation) -> list[str]:
        """One unused name per result: its location, else the value's number."""
        located = self._module.location_names(operation.location)
        if len(located) != len(operation.results):
            located = located[:1]
        names: list[str] = []
        for index, value in enumerate(operation.results):
            stem = located[index] if index < len(located) else value.removeprefix("%")
            name = self._graph.unique_name(stem)
            number = 1
            while name in names:
                number += 1
                name = self._graph.unique_name(f"{stem}_{number}")
            names.append(name)
        return names

    def _results(self, operation: Operation) -> tuple[TensorType, ...]:
        types = tuple(type_ for type_ in operation.result_types if type_ is not None)
        if len(types) != len(operation.results) or not types:
            raise self._error(operation, f"'{operation.name}' has a result without a type")
        return types

    def _error(self, operation: Operation, what: str) -> LgsimError:
        return self._source.error(what, operation.offset)
