"""Rewrites: transformations of the graph that leave its results unchanged."""

from lgsim.rewrites.base import PRECISIONS, NearMiss, Rewrite
from lgsim.rewrites.log import RewriteLog
from lgsim.rewrites.registry import REWRITES, apply_rewrites
from lgsim.rewrites.settle import settle

__all__ = [
    "PRECISIONS",
    "REWRITES",
    "NearMiss",
    "Rewrite",
    "RewriteLog",
    "apply_rewrites",
    "settle",
]
