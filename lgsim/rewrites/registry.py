"""All rewrites in the order in which they run, and `apply_rewrites`."""

from __future__ import annotations

from collections.abc import Sequence, Set
from itertools import cycle, islice

from lgsim.graph.core import Graph
from lgsim.rewrites.add_weight_merge import AddWeightMerge
from lgsim.rewrites.attention_fuse import AttentionFuse
from lgsim.rewrites.base import Rewrite
from lgsim.rewrites.conv_scale_fold import ConvScaleFold
from lgsim.rewrites.conv_to_matmul import ConvToMatmul
from lgsim.rewrites.group_conv import GroupConv
from lgsim.rewrites.hdim_is_batch import HdimIsBatch
from lgsim.rewrites.hdim_right import HdimRight
from lgsim.rewrites.log import RewriteLog
from lgsim.rewrites.matmul_transpose import MatmulTranspose
from lgsim.rewrites.mean_to_pool import MeanToPool
from lgsim.rewrites.mlp_split import MlpSplit
from lgsim.rewrites.patch_merging import PatchMerging
from lgsim.rewrites.permute_add import PermuteAdd
from lgsim.rewrites.permute_cancel import PermuteCancel
from lgsim.rewrites.permute_fuse import PermuteFuse
from lgsim.rewrites.permute_scale import PermuteScale
from lgsim.rewrites.permute_softmax import PermuteSoftmax
from lgsim.rewrites.permute_split import PermuteSplit
from lgsim.rewrites.qkv_matmul_split import QkvMatmulSplit
from lgsim.rewrites.qkv_split import QkvSplit
from lgsim.rewrites.relu_fuse import ReluFuse
from lgsim.rewrites.reshape_clean import ReshapeClean
from lgsim.rewrites.rows_in_lanes import RowsInLanes
from lgsim.rewrites.shuffle_channel import ShuffleChannel
from lgsim.rewrites.trivial_permute import TrivialPermute
from lgsim.rewrites.unit_permute import UnitPermute
from lgsim.rewrites.window_roll import WindowRoll

_CLEANUPS: tuple[type[Rewrite], ...] = (
    TrivialPermute,
    ReshapeClean,
    UnitPermute,
    RowsInLanes,
    PermuteFuse,
    PermuteCancel,
)
# Patterns of whole layers come first, while the graph still looks as it was exported.
_PATTERNS: tuple[type[Rewrite], ...] = (
    WindowRoll,
    PatchMerging,
    ShuffleChannel,
    MeanToPool,
    ReluFuse,
    ConvScaleFold,
    ConvToMatmul,
    GroupConv,
    AttentionFuse,
)
# Then the permutes are pushed around until nothing moves any more.
_MOVES: tuple[type[Rewrite], ...] = (
    QkvSplit,
    QkvMatmulSplit,
    AddWeightMerge,
    PermuteFuse,
    PermuteCancel,
    PermuteScale,
    PermuteAdd,
    PermuteSoftmax,
    MatmulTranspose,
    HdimIsBatch,
    HdimRight,
    TrivialPermute,
    ReshapeClean,
    MlpSplit,
)
# Last: a permute that is taken apart can no longer be moved past other ops as one.
_SPLITS: tuple[type[Rewrite], ...] = (PermuteSplit,)
_PHASES = (_CLEANUPS + _PATTERNS, _MOVES, _SPLITS)

REWRITES: tuple[type[Rewrite], ...] = tuple(dict.fromkeys(_CLEANUPS + _PATTERNS + _MOVES + _SPLITS))
"""All rewrites, in the order in which they first run."""

# A sweep only moves a permute one op down; no network seen needs more than eight sweeps.
_MAX_SWEEPS = 32


def apply_rewrites(
    graph: Graph,
    precision: str = "f32",
    disabled: Set[str] = frozenset(),
    log: RewriteLog | None = None,
) -> dict[str, int]:
    """Rewrite a graph in place until no rewrite applies any more.

    Parameters
    ----------
    graph : Graph
        As imported, before lowering.
    precision : str
        ``f32``, ``f16``, ``bf16`` or ``int8``: some rewrites only pay for some of them.
    disabled : set of str
        Names of rewrites not to run; names of other features are ignored.
    log : RewriteLog, optional
        Filled with what every rewrite did, and where it nearly applied.

    Returns
    -------
    dict of str to int
        How often each rewrite that ran was applied, in order.
    """
    active = {
        rewrite: rewrite(precision)
        for rewrite in REWRITES
        if rewrite.name not in disabled and precision in rewrite.precisions
    }
    counts = {rewrite.name: 0 for rewrite in active}
    if log is not None:
        log.start(graph)
    for phase in _PHASES:
        _run(graph, [active[rewrite] for rewrite in phase if rewrite in active], counts, log)
    graph.prune()
    if log is not None:
        log.finish(graph, precision, active.values(), REWRITES)
    return counts


def _run(
    graph: Graph, rewrites: Sequence[Rewrite], counts: dict[str, int], log: RewriteLog | None
) -> None:
    """Run rewrites in turn until each of them has found nothing since the last change."""
    idle = 0
    for rewrite in islice(cycle(rewrites), _MAX_SWEEPS * len(rewrites)):
        times = rewrite.apply(graph)
        if times and log is not None:
            log.record(rewrite.name, times, graph)
        counts[rewrite.name] += times
        idle = 0 if times else idle + 1
        if idle == len(rewrites):
            return
