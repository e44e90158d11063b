"""What `lgsim features` shows: all that can be switched off."""

from __future__ import annotations

from typing import Any

from lgsim.features import Feature, list_features
from lgsim.report.tables import Column, table
from lgsim.rewrites import PRECISIONS


def features_text(switches: dict[str, bool]) -> str:
    """One line per feature."""
    rows = [
        [feature.name, feature.kind, "on" if switches[feature.name] else "off", _summary(feature)]
        for feature in list_features()
    ]
    columns = [Column(title, "left") for title in ("feature", "kind", "is", "what it does")]
    return table(columns, rows)


def features_json(switches: dict[str, bool]) -> dict[str, Any]:
    """The features as JSON values, in the order in which rewrites run."""
    return {
        "schema": 1,
        "features": [
            {
                "name": feature.name,
                "kind": feature.kind,
                "on": switches[feature.name],
                "summary": feature.summary,
                "precisions": list(feature.precisions),
            }
            for feature in list_features()
        ],
    }


def _summary(feature: Feature) -> str:
    if feature.precisions == PRECISIONS:
        return feature.summary
    return f"{feature.summary} ({', '.join(feature.precisions)})"
