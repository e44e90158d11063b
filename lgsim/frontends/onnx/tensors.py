"""Constants of a model: element types, and values that are read only when somebody asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lgsim.errors import LgsimError
from lgsim.graph.core import TensorType
from lgsim.graph.dtypes import DType

if TYPE_CHECKING:
    from pathlib import Path

Array = np.ndarray[Any, Any]

# Values are read and folded up to this many elements: it covers shapes, index tables and
# window masks; trained weights beyond it keep their shape only.
VALUE_LIMIT_ELEMENTS = 1 << 16

# onnx.TensorProto.DataType -> element type. Floats of every width become F32, because the
# precision is chosen at lowering; a graph exported in half precision is the same network.
_DTYPES = {
    1: DType.F32,  # FLOAT
    10: DType.F32,  # FLOAT16
    11: DType.F32,  # DOUBLE
    16: DType.F32,  # BFLOAT16
    2: DType.U8,
    3: DType.I8,
    4: DType.U16,
    5: DType.I16,
    6: DType.I32,
    7: DType.I64,
    9: DType.BOOL,
    12: DType.U32,
    13: DType.I64,  # UINT64
    21: DType.I4,  # UINT4
    22: DType.I4,
}

_NUMPY_DTYPES = {
    "bool": DType.BOOL,
    "int8": DType.I8,
    "uint8": DType.U8,
    "int16": DType.I16,
    "uint16": DType.U16,
    "int32": DType.I32,
    "uint32": DType.U32,
}

# Element type -> onnx.TensorProto.DataType, for asking onnx about a single node.
ONNX_TYPES = {
    DType.F32: 1,
    DType.U8: 2,
    DType.I8: 3,
    DType.U16: 4,
    DType.I16: 5,
    DType.I32: 6,
    DType.I64: 7,
    DType.BOOL: 9,
    DType.U32: 12,
    DType.I4: 22,
}


def onnx_dtype(data_type: int, where: str) -> DType:
    """Element type of an ONNX data type code; LgsimError for strings, complex numbers, …."""
    if data_type not in _DTYPES:
        raise LgsimError(
            f"its element type (ONNX code {data_type}) is not supported",
            where=where,
            hint="floats, integers and booleans are",
        )
    return _DTYPES[data_type]


def value_dtype(value: Array) -> DType:
    """Element type of an array."""
    if value.dtype.kind == "f":
        return DType.F32
    return _NUMPY_DTYPES.get(value.dtype.name, DType.I64)


class Constant:
    """A tensor that does not depend on the inputs; its value may be unknown.

    Parameters
    ----------
    type_ : TensorType
        Shape and element type.
    value : ndarray, optional
        Its value, if known.
    proto : TensorProto, optional
        Where to read the value when it is first asked for.
    folder : Path, optional
        Folder of the model, where external data would lie.
    """

    __slots__ = ("_folder", "_proto", "_value", "type")

    def __init__(
        self,
        type_: TensorType,
        value: Array | None = None,
        proto: Any = None,
        folder: Path | None = None,
    ) -> None:
        self.type = type_
        self._value = value
        self._proto = proto
        self._folder = folder

    @classmethod
    def of(cls, value: Array) -> Constant:
        """A constant of known value; large ones keep their type only."""
        type_ = TensorType(tuple(value.shape), value_dtype(value))
        return cls(type_, value if value.size <= VALUE_LIMIT_ELEMENTS else None)

    @classmethod
    def from_proto(cls, proto: Any, folder: Path | None = None) -> Constant:
        """A constant read from a TensorProto; its value is decoded on demand."""
        dtype = onnx_dtype(proto.data_type, f"initializer '{proto.name}'")
        return cls(TensorType(tuple(proto.dims), dtype), proto=proto, folder=folder)

    @classmethod
    def from_sparse(cls, proto: Any) -> Constant:
        """A constant read from a SparseTensorProto; it counts as dense, its value stays unknown."""
        dtype = onnx_dtype(proto.values.data_type, f"initializer '{proto.values.name}'")
        return cls(TensorType(tuple(proto.dims), dtype))

    @property
    def value(self) -> Array | None:
        """The value; None if it is large, absent or not computable from what is known."""
        if self._proto is not None:
            proto, self._proto = self._proto, None
            if self.type.elements <= VALUE_LIMIT_ELEMENTS:
                self._value = _read(proto, self._folder)
        return self._value

    @property
    def is_fill(self) -> bool:
        """Whether the value repeats one element (a broadcast view that was never written out)."""
        value = self.value
        return value is not None and not any(value.strides)


def _read(proto: Any, folder: Path | None) -> Array | None:
    from onnx import numpy_helper

    if proto.data_location == 1:  # TensorProto.EXTERNAL
        location = next((e.value for e in proto.external_data if e.key == "location"), "")
        if folder is None or not location or not (folder / location).is_file():
            return None
    try:
        array = numpy_helper.to_array(proto, base_dir=str(folder or ""))
    except Exception as error:
        raise LgsimError(
            "its data cannot be read", where=f"initializer '{proto.name}'", limit=str(error)
        ) from error
    if array.dtype.kind in "iub":
        return np.asarray(array)
    return np.asarray(array, dtype=np.float64 if array.dtype == np.float64 else np.float32)
