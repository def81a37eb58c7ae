"""What concept drift is measured against as JSON, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from shared.drift.profiles.stored import reading
from shared.drift.rows.segments import BlockMeans, Segmentation
from shared.drift.signals.concept import ConceptReference
from shared.metrics.expected import Curve

FORMAT = 1


def concept_to_dict(reference: ConceptReference) -> dict[str, Any]:
    """Return JSON-ready data that `concept_from_dict` reads back to an equal reference."""
    return {
        "format": FORMAT,
        "rows": reference.rows,
        "curve": [list(reference.curve.scores), list(reference.curve.probabilities)],
        "ranking": reference.ranking,
        "ranking_error": reference.ranking_error,
        "levels": [list(level) for level in reference.levels],
        "segments": [_segment(cut, means) for cut, means in reference.segments],
    }


def concept_from_dict(stored: Mapping[str, Any]) -> ConceptReference:
    """Return the reference that `concept_to_dict` wrote.

    Raises:
        ValueError: written in another format, or damaged.
    """
    with reading(stored, "reference", FORMAT, "make it again"):
        scores, probabilities = stored["curve"]
        return ConceptReference(
            rows=int(stored["rows"]),
            curve=Curve(tuple(scores), tuple(probabilities)),
            ranking=float(stored["ranking"]),
            ranking_error=float(stored["ranking_error"]),
            levels=tuple((int(rows), float(spread)) for rows, spread in stored["levels"]),
            segments=tuple(_read_segment(segment) for segment in stored["segments"]),
        )


def _segment(cut: Segmentation, means: BlockMeans) -> dict[str, Any]:
    return {
        "column": cut.column,
        "edges": list(cut.edges),
        "categories": list(cut.categories),
        "mean": means.mean.tolist(),
        "error": means.error.tolist(),
        "blocks": means.blocks.tolist(),
        "rows": means.rows.tolist(),
    }


def _read_segment(stored: Mapping[str, Any]) -> tuple[Segmentation, BlockMeans]:
    cut = Segmentation(stored["column"], tuple(stored["edges"]), tuple(stored["categories"]))
    mean, error, blocks = (np.asarray(stored[name], dtype=np.float64) for name in ("mean", "error", "blocks"))
    return cut, BlockMeans(mean, error, blocks, np.asarray(stored["rows"], dtype=np.int64))
