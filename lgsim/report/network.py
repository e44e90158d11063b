"""What `lgsim info` shows: the size and the make-up of a network, as imported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lgsim.graph import Graph
from lgsim.graph.ops import Unknown
from lgsim.report.tables import Column, table


@dataclass(frozen=True, slots=True)
class KindTotals:
    """Totals of all ops of one kind."""

    kind: str
    count: int
    macs: int
    weight_bytes: int
    activation_bytes: int


def totals_by_kind(graph: Graph) -> list[KindTotals]:
    """One row per op kind, the kinds with most MACs first, then by count.

    A weight that several ops read is counted with the first of them, so the column adds up.
    """
    rows: dict[str, KindTotals] = {}
    seen: set[str] = set()
    for op in graph:
        weights = [
            name
            for name in dict.fromkeys(op.inputs)
            if graph.tensor(name).weight and name not in seen
        ]
        seen.update(weights)
        inputs, outputs = graph.input_types(op), graph.output_types(op)
        moved = [graph.tensor(name) for name in op.inputs if not graph.tensor(name).weight]
        old = rows.get(op.kind, KindTotals(op.kind, 0, 0, 0, 0))
        rows[op.kind] = KindTotals(
            op.kind,
            old.count + 1,
            old.macs + op.attrs.macs(inputs, outputs),
            old.weight_bytes + sum(graph.tensor(name).nbytes for name in weights),
            old.activation_bytes
            + sum(tensor.nbytes for tensor in moved)
            + sum(output.nbytes for output in outputs),
        )
    return sorted(rows.values(), key=lambda row: (-row.macs, -row.count, row.kind))


def unsupported_kinds(graph: Graph) -> list[str]:
    """Operators without a cost model of their own, by their name in the source file."""
    return sorted({op.attrs.op_type for op in graph if isinstance(op.attrs, Unknown)})


def network_json(graph: Graph) -> dict[str, Any]:
    """The keys of `lgsim info --json`."""
    rows = totals_by_kind(graph)
    return {
        "schema": 1,
        "model": graph.name,
        "params": graph.params(),
        "trained_params": graph.trained_params,
        "macs": graph.macs(),
        "ops": graph.op_counts(),
        "unsupported": unsupported_kinds(graph),
        "inputs": {name: list(graph.tensor(name).shape) for name in graph.inputs},
        "outputs": {name: list(graph.tensor(name).shape) for name in graph.outputs},
        "weight_bytes": sum(row.weight_bytes for row in rows),
        "activation_bytes": sum(row.activation_bytes for row in rows),
        "warnings": graph.warnings,
    }


def network_text(graph: Graph) -> str:
    """One screen on a network: shapes, totals, and a table per op kind."""
    rows = totals_by_kind(graph)
    macs, params = graph.macs(), graph.params()
    trained = ""
    if graph.trained_params not in (None, params):
        trained = f", {graph.trained_params:,} before folding and gathering offline"
    weight_bytes = sum(row.weight_bytes for row in rows)
    activation_bytes = sum(row.activation_bytes for row in rows)
    intensity = macs / max(1, weight_bytes + activation_bytes)
    unsupported = unsupported_kinds(graph)
    lines = [
        f"model        {graph.name}",
        f"inputs       {_shapes(graph, graph.inputs)}",
        f"outputs      {_shapes(graph, graph.outputs)}",
        f"operators    {len(graph):,}",
        f"parameters   {params:,} ({params / 1e6:.3f} M){trained}",
        f"MACs         {macs:,} ({macs / 1e9:.3f} G)",
        f"weights      {weight_bytes / 1e6:,.1f} MB as imported",
        f"activations  {activation_bytes / 1e6:,.1f} MB read and written, op by op",
        f"intensity    {intensity:.1f} MAC per byte if every op goes through DDR",
        f"without a cost model  {', '.join(unsupported) or 'none'}",
        "",
    ]
    columns = [
        Column("kind", "left"),
        Column("count"),
        Column("MACs [M]"),
        Column("weights [MB]"),
        Column("activations [MB]"),
    ]
    cells = [
        [
            row.kind,
            f"{row.count:,}",
            f"{row.macs / 1e6:,.1f}" if row.macs else "",
            f"{row.weight_bytes / 1e6:,.2f}" if row.weight_bytes else "",
            f"{row.activation_bytes / 1e6:,.2f}",
        ]
        for row in rows
    ]
    return "\n".join(lines) + "\n" + table(columns, cells)


def _shapes(graph: Graph, names: list[str]) -> str:
    return ", ".join(
        f"{name} {'x'.join(map(str, graph.tensor(name).shape)) or 'scalar'} "
        f"{graph.tensor(name).dtype.value}"
        for name in names
    )
