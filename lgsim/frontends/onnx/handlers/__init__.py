"""One handler per ONNX op, grouped by family; importing the package registers them all."""

from lgsim.frontends.onnx.handlers import (
    activation,
    control,
    conv,
    einsum,
    elementwise,
    index,
    layout,
    matmul,
    norm,
    pool,
    quant,
    recurrent,
    reduce,
    reshape,
    resize,
)

__all__ = [
    "activation",
    "control",
    "conv",
    "einsum",
    "elementwise",
    "index",
    "layout",
    "matmul",
    "norm",
    "pool",
    "quant",
    "recurrent",
    "reduce",
    "reshape",
    "resize",
]
