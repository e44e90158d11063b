"""Element types of tensors, with the names that tables, JSON and tpu-mlir use."""

from __future__ import annotations

from enum import Enum


class DType(Enum):
    """An element type; its value is the name used on screen and in files."""

    F32 = "f32"
    F16 = "f16"
    BF16 = "bf16"
    I64 = "i64"
    I32 = "i32"
    U32 = "u32"
    I16 = "i16"
    U16 = "u16"
    I8 = "i8"
    U8 = "u8"
    I4 = "i4"
    BOOL = "bool"

    @property
    def bits(self) -> int:
        """Width of one element in bits."""
        return _BITS[self]

    @property
    def is_float(self) -> bool:
        """Whether the type is a floating-point one."""
        return self in (DType.F32, DType.F16, DType.BF16)

    def nbytes(self, elements: int) -> int:
        """Bytes that `elements` packed elements take (int4 rounds up to whole bytes)."""
        return -(-elements * _BITS[self] // 8)


_BITS = {
    DType.F32: 32,
    DType.F16: 16,
    DType.BF16: 16,
    DType.I64: 64,
    DType.I32: 32,
    DType.U32: 32,
    DType.I16: 16,
    DType.U16: 16,
    DType.I8: 8,
    DType.U8: 8,
    DType.I4: 4,
    DType.BOOL: 8,
}
