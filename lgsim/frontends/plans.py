"""Reads plans of any origin: lgsim's own, the vendor's layer-group cache, its finished plans."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from lgsim.errors import LgsimError
from lgsim.frontends.group_cache import GroupCache, group_cache, is_group_cache
from lgsim.frontends.vendor_plan import VendorPlan, is_vendor_plan, vendor_plan

if TYPE_CHECKING:
    from lgsim.frontends.plan_file import PlanFile

    AnyPlan: TypeAlias = PlanFile | GroupCache | VendorPlan


def read_plan(path: str | Path) -> AnyPlan:
    """Read a plan (``.json`` or ``.json.gz``); what is in the file says which kind it is.

    Raises
    ------
    LgsimError
        If the file cannot be read, or is no plan.
    """
    document = read_json(Path(path))
    where = str(path)
    if is_group_cache(document):
        return group_cache(document, where)
    if is_vendor_plan(document):
        return vendor_plan(document, where)
    from lgsim.frontends.plan_file import is_plan_file, plan_file

    if is_plan_file(document):
        return plan_file(document, where)
    raise LgsimError(
        "is no plan",
        where=where,
        hint="'lgsim plan NET -o plan.json' writes one; tpu-mlir's layer_group_cache.json is one",
    )


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file, gzipped or not."""
    try:
        data = path.read_bytes()
        document = json.loads(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise LgsimError(f"cannot read the plan: {reason}", where=str(path)) from None
    except (EOFError, zlib.error, ValueError, RecursionError) as error:
        raise LgsimError("is no plan: it is damaged or no JSON", where=str(path)) from error
    if not isinstance(document, dict):
        raise LgsimError("is no plan: it holds no JSON object", where=str(path))
    return document
