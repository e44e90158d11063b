"""Element types of tensors, with the names that tables, JSON and tpu-mlir use."""

from __future__ import annotations

from enum import Enum


class DType(Enum):
    """An element type: the name used on screen and in files, and the width of one element.

    Attributes
    ----------
    bits : int
        Width of one element in bits.
    """

    F32 = "f32", 32
    F16 = "f16", 16
    BF16 = "bf16", 16
    I64 = "i64", 64
    I32 = "i32", 32
    U32 = "u32", 32
    I16 = "i16", 16
    U16 = "u16", 16
    I8 = "i8", 8
    U8 = "u8", 8
    I4 = "i4", 4
    BOOL = "bool", 8

    bits: int

    def __new__(cls, name: str, bits: int = 0) -> DType:
        """A member; its value, by which ``DType("f16")`` finds it, is the name alone."""
        member = object.__new__(cls)
        member._value_ = name
        member.bits = bits
        return member

    # Members are single objects; that of Enum hashes their names, in Python.
    __hash__ = object.__hash__

    @property
    def is_float(self) -> bool:
        """Whether the type is a floating-point one."""
        return self in (DType.F32, DType.F16, DType.BF16)

    def nbytes(self, elements: int) -> int:
        """Bytes that `elements` packed elements take (int4 rounds up to whole bytes)."""
        return -(-elements * self.bits // 8)
