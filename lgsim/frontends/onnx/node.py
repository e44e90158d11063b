"""`Node`: one ONNX node, decoded once from its protobuf message."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

STANDARD_DOMAINS = ("", "ai.onnx")

# onnx.AttributeProto.AttributeType -> the field of the message that holds the value
_FIELDS = {1: "f", 2: "i", 3: "s", 4: "t", 5: "g", 6: "floats", 7: "ints", 8: "strings"}


@dataclass(frozen=True, slots=True)
class Node:
    """One ONNX node.

    Attributes
    ----------
    key : str
        What the registries look up: the op type, led by ``domain:`` unless it is ONNX's own.
    name : str
        Unique within the model: the node's name, or else that of its first output.
    inputs, outputs : tuple of str
        Tensor names; an empty string stands for an optional one that is left out.
    attrs : dict
        Attributes: int, float, str, tuples of these, or a protobuf message (tensor, graph).
    proto : NodeProto
        The message itself, for the shape inference of ops without a handler.
    """

    key: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attrs: dict[str, Any]
    proto: Any = field(default=None, repr=False, compare=False)

    def has(self, index: int) -> bool:
        """Whether input `index` is given."""
        return index < len(self.inputs) and self.inputs[index] != ""

    def optional(self, index: int) -> str:
        """Name of input `index`, or an empty string."""
        return self.inputs[index] if index < len(self.inputs) else ""

    def uses_output(self, index: int) -> bool:
        """Whether output `index` has a name (an unnamed one is not wanted)."""
        return index < len(self.outputs) and self.outputs[index] != ""

    def get(self, name: str, default: Any) -> Any:
        """Value of an attribute, or `default`."""
        return self.attrs.get(name, default)


def decode_nodes(protos: Iterable[Any]) -> list[Node]:
    """Decode NodeProto messages; nodes get unique names."""
    protos = list(protos)
    counts = Counter(proto.name for proto in protos)
    nodes: list[Node] = []
    for proto in protos:
        outputs = tuple(proto.output)
        named = bool(proto.name) and counts[proto.name] == 1
        nodes.append(
            Node(
                key=_key(proto),
                name=proto.name if named else next(filter(None, outputs), proto.op_type),
                inputs=tuple(proto.input),
                outputs=outputs,
                attrs={attr.name: _attribute(attr) for attr in proto.attribute},
                proto=proto,
            )
        )
    return nodes


def _key(proto: Any) -> str:
    domain = proto.domain
    return proto.op_type if domain in STANDARD_DOMAINS else f"{domain}:{proto.op_type}"


def _attribute(proto: Any) -> Any:
    value = getattr(proto, _FIELDS.get(proto.type, "s"))
    if proto.type == 3:
        return value.decode("utf-8", "replace")
    if proto.type == 8:
        return tuple(text.decode("utf-8", "replace") for text in value)
    return tuple(value) if proto.type in (6, 7) else value
