"""The values of `lgsim explain --json`."""

from __future__ import annotations

from typing import Any

from lgsim.analysis.explanation import ExplanationData, OpVerdict, RemovedOp
from lgsim.analysis.group_view import GroupView
from lgsim.analysis.what_if import Gain
from lgsim.planner.borders import Border
from lgsim.rewrites import REWRITES


def explanation_json(explained: ExplanationData, op: str | None = None) -> dict[str, Any]:
    """All that is known; only what is about one op and its group if it is given."""
    chosen = [v for v in explained.ops if op is None or v.name == explained.find(op)]
    return {
        "schema": 1,
        "model": explained.graph.name,
        "precision": explained.graph.precision,
        "strategy": explained.plan.strategy,
        "features": dict(explained.features),
        "ops": [_op_json(verdict) for verdict in chosen],
        "groups": _groups_json(explained, None if op is None else chosen[0].section),
        "removed": [_removed_json(removed) for removed in explained.removed],
        "rewrites": [_rewrite_json(explained, rewrite.name) for rewrite in REWRITES],
    }


def _op_json(verdict: OpVerdict) -> dict[str, Any]:
    refusal = verdict.refusal
    return {
        "name": verdict.name,
        "kind": verdict.site.kind,
        "section": verdict.section,
        "local": refusal is None,
        "rule": None if refusal is None else refusal.rule,
        "detail": None if refusal is None else refusal.detail,
        "value": None if refusal is None else refusal.value,
        "limit": None if refusal is None else refusal.limit,
        "lift": None if refusal is None else refusal.lift,
    }


def _removed_json(removed: RemovedOp) -> dict[str, Any]:
    return {
        "name": removed.name,
        "kind": removed.site.kind,
        "rewrite": removed.rewrite,
        "rule": removed.refusal.rule,
        "detail": removed.refusal.detail,
        "feature": removed.refusal.feature,
    }


def _rewrite_json(explained: ExplanationData, name: str) -> dict[str, Any]:
    times, removed, added = explained.applied(name)
    return {
        "name": name,
        "on": explained.features[name],
        "applied": times,
        "removed": dict(removed),
        "added": dict(added),
        "obstacles": [
            {"condition": obstacle.condition, "ops": list(obstacle.ops)}
            for obstacle in explained.log.obstacles
            if obstacle.rewrite == name
        ],
    }


def _groups_json(explained: ExplanationData, section: int | None) -> list[dict[str, Any]]:
    """All groups; for one section also its borders, and what would be saved without them."""
    return [
        _group_json(explained, view, detailed=section is not None)
        for view in explained.groups
        if section is None or view.number == section
    ]


def _group_json(explained: ExplanationData, view: GroupView, *, detailed: bool) -> dict[str, Any]:
    facts = view.facts()
    row: dict[str, Any] = {
        "section": view.number,
        "ops": list(view.section.ops),
        "type": view.section.type,
        "secs": dict(zip("ncdhw", view.section.secs, strict=True)),
        "cycles": view.cycles,
        "bdc_busy_cycles": facts.bdc_busy_cycles,
        "gdma_busy_cycles": facts.gdma_busy_cycles,
        "bdc_bound_cycles": facts.bdc_bound_cycles,
        "gdma_bound_cycles": facts.gdma_bound_cycles,
        "slices": facts.slices,
        "lmem_peak_bytes": facts.peak_bytes,
        "lmem_peak_buffers": [
            {"name": use.name, "role": use.role, "bytes": use.nbytes} for use in facts.peak_buffers
        ],
    }
    if detailed:
        for side in ("begins", "ends"):
            border = view.border(side)
            gain = explained.what_if.border(border) if border is not None else None
            row[side] = None if border is None else _border_json(border, gain)
    else:
        row["ends_because"] = view.ends_because()
    return row


def _border_json(border: Border, gain: Gain | None) -> dict[str, Any]:
    return {
        "before": border.before,
        "after": border.after,
        "cause": border.cause,
        "rule": border.rule or None,
        "detail": border.detail,
        "op": border.op or None,
        "axis": border.axis or None,
        "missing_bytes": border.missing_bytes,
        "extra_cycles": border.extra_cycles,
        "relaxation": None
        if gain is None
        else {"change": gain.change, "cycles": gain.cycles, "saved_cycles": gain.saved_cycles},
    }
