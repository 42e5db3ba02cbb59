"""The document of `plot surface`."""

from __future__ import annotations

from typing import Any

import numpy as np

from lossurf.landscape.views.surface import Surface


def surface_fields(found: Surface) -> dict[str, Any]:
    """Return the fields of a surface: what the checkpoint is, the axes, the losses on the plane and on the cut."""
    of = found.classification
    x, y = found.axes
    fine = np.linspace(x.distances[0], x.distances[-1], found.cut.size)
    return {
        "checkpoint": of.checkpoint,
        "verdict": of.verdict,
        "reason": of.reason,
        "loss": of.loss,
        "gap": of.gap,
        "levels": found.levels,
        "x": x,
        "y": y,
        "losses": found.losses,
        "cut": {"distances": fine, "losses": found.cut},
    }
