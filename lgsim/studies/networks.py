"""Networks that experiments need besides the zoo's, made of the blocks of its scripts."""

from __future__ import annotations

from types import ModuleType

from lgsim.graph import Graph, Tensor
from lgsim.graph.builder import GraphBuilder


def swin_with_fewer_attentions(swin: ModuleType, attentions: int) -> Graph:
    """Swin-T with 24 layers of which `attentions` are attention and the others FFNs.

    Parameters
    ----------
    swin : ModuleType
        The zoo's script.
    attentions : int
        Up to 12. Those that are left are spread evenly over the twelve blocks.
    """
    b = GraphBuilder(f"swin_t_{attentions}_attentions")
    x = b.conv(b.input("input", (1, 3, 224, 224)), 96, kernel=4, stride=4, name="patch_embed")
    x = b.layer_norm(b.transpose(b.flatten(x, 2), 1, 2), name="embed_norm")
    side, number = 56, 0
    for stage, (depth, heads) in enumerate(((2, 3), (2, 6), (6, 12), (2, 24))):
        if stage:
            with b.scope(f"stage{stage}.merge"):
                x = swin.merge_patches(b, x, side)
            side //= 2
        for block in range(depth):
            kept = (number + 1) * attentions // 12 > number * attentions // 12
            number += 1
            with b.scope(f"stage{stage + 1}.{block}"):
                if kept:
                    shift = 3 if block % 2 and side > 7 else 0
                    x = swin.block(b, x, side, heads, 7, shift, 4)
                else:
                    x = _ffn(b, _ffn(b, x, "mlp0"), "mlp")
    x = b.transpose(b.layer_norm(x, name="norm"), 1, 2)
    b.output(b.linear(b.flatten(b.global_avg_pool(x)), 1000, name="head"))
    return b.build()


def _ffn(b: GraphBuilder, x: Tensor, scope: str) -> Tensor:
    """Norm, MLP of ratio 4, residual."""
    dim = x.shape[-1]
    with b.scope(scope):
        y = b.linear(b.layer_norm(x, name="norm"), 4 * dim, name="fc1")
        y = b.linear(b.gelu(y), dim, name="fc2")
    return b.add(x, y)
