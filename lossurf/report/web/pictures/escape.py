"""The way down that `escape` found: the loss at the end of each of its segments."""

from __future__ import annotations

from lossurf.report.document import Document
from lossurf.report.text import count, number
from lossurf.report.web.chart import BOTTOM, HEIGHT, LEFT, TOP, WIDTH, Chart, Picture, named_levels, room_for
from lossurf.report.web.pictures.spectrum import whole
from lossurf.report.web.scales import Scale, spanning


def of_escape(document: Document) -> list[Picture]:
    """Return the losses along the way; nothing where there was no way down."""
    segments = document["segments"]
    if not segments:
        return []
    losses = [document["loss_before"], *(segment["loss_after"] for segment in segments)]
    best = named_levels([{"rank": "*", "loss": document["optimal_loss"]}])
    right = WIDTH - room_for(best)
    x = Scale(-0.2, len(segments) + 0.2, LEFT, right)
    chart = Chart(x, spanning([*losses, document["optimal_loss"]], HEIGHT - BOTTOM, TOP))
    parts = chart.frame("segments walked", "loss", x_ticks=whole(len(segments), first=0))
    parts += [*chart.levels(best), chart.curve(range(len(losses)), losses)]
    parts.append(chart.mark(document["verdict"], 0, losses[0], f"start: {number(losses[0])}"))
    for index, segment in enumerate(segments, 1):
        parts.append(chart.dot(index, losses[index], f"after {segment['kind']}: {number(losses[index])}"))
    said = f"The loss falls from {number(losses[0])} to {number(losses[-1])} in {count(len(segments), 'segment')}."
    return [Picture("The way down", said, tuple(parts))]
