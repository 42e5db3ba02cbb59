"""Draw the stored pictures of every report: read each one again before it is committed."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import readme

from lossurf.report.render import RENDERERS, Style

TESTS = Path(__file__).resolve().parents[1]
STORED = TESTS / "data" / "documents"
SNAPSHOTS = TESTS / "data" / "snapshots"
WIDTHS = (60, 80, 120)
WIDTH = 80
FORMS = tuple(sorted(set(RENDERERS) - {"table", "json", "jsonl", "html"}))  # html: its style sheet is in every page


_WINE = "--data sample_data/wine"
_POINTS = "sample_data/wine/checkpoints"
_CERTIFY = f"classify {_POINTS}/bad-saddle.npz {_WINE} --certificate c.npz -qq"
COMMANDS = {
    "audit": "audit sample_data/linnerud --widths 3,2,2,3",
    "check-fails": "check sample_data/digits",
    "check-holds": "check sample_data/linnerud --widths 3,2,3",
    "check-huber": "check sample_data/linnerud --loss huber",
    "classify-bad-saddle": f"classify {_POINTS}/bad-saddle.npz {_WINE} --lemmas",
    "classify-many": f"classify {_POINTS}/*.npz {_WINE} --expect global-minimum --expect bad-saddle",
    "classify-strict-saddle": f"classify {_POINTS}/strict-saddle.npz {_WINE} --curvature --expect global-minimum",
    "construct": f"construct bad-saddle {_WINE} --widths 10,4,2,3 -o saddle.npz",
    "escape": f"escape {_POINTS}/bad-saddle.npz {_WINE} --to-minimum -o best.npz",
    "escape-stays": f"escape {_POINTS}/early-float32.npz {_WINE} -o best.npz",
    "escape-tails": f"escape {_POINTS}/strict-saddle-tails.npz {_WINE} --to-minimum --path way",
    "explain-one": "explain bad-saddle",
    "plot-levels": "plot levels sample_data/wine --widths 10,4,3,3 -o levels.png",
    "plot-spectrum": "plot spectrum sample_data/digits --bias -o spectrum.png",
    "plot-surface": f"plot surface {_POINTS}/bad-saddle.npz {_WINE} --points 21 -o surface.png",
    "reduce": "reduce sample_data/linnerud -o linnerud.lossurf.npz",
    "relu": "relu sample_data/digits/relu.npz --data sample_data/digits",
    "spurious": "spurious sample_data/diabetes",
    "spurious-counterexample": "spurious --counterexample tanh",
    "verify": f"{_CERTIFY} && lossurf verify c.npz {_WINE}",
    "verify-other-data": f"{_CERTIFY} && lossurf verify c.npz --data sample_data/linnerud",
    "watch": f"watch sample_data/wine/run/*.npz {_WINE} --curvature --step 0.05",
    "watch-runs": f"watch sample_data/wine/run/step-0[01]*.npz {_POINTS}/strict-saddle.npz {_WINE} --runs",
}
"""How each stored document was made; their last digits depend on the machine, so they are kept."""


DOCUMENTS = tuple(COMMANDS)
AT_EVERY_WIDTH = ("check-holds", "classify-bad-saddle")
"""Which have every kind of block between them; of the other documents one width is read, and every width measured."""

PICTURES = {
    **{f"{name}-{WIDTH}.txt": (name, {"width": WIDTH}) for name in DOCUMENTS},
    **{f"{name}-{width}.txt": (name, {"width": width}) for name in AT_EVERY_WIDTH for width in WIDTHS},
    **{
        f"{name}-{width}-ascii.txt": (name, {"width": width, "ascii_only": True})
        for name in AT_EVERY_WIDTH
        for width in WIDTHS
    },
    **{f"{name}.{form}.txt": (name, {"width": 120, "form": form}) for name in DOCUMENTS for form in FORMS},
}
"""Every stored picture, and what `draw` draws it from."""


def make_documents(directory: Path) -> None:
    """Write every document anew, running the commands in a copy of what they read."""
    clone = readme.clone(directory / "clone")
    for name, command in COMMANDS.items():
        (text,) = readme.printed([f"lossurf {command} --format json\n"], clone)
        (STORED / f"{name}.json").write_text(text, "utf-8")


def draw(name: str, width: int, ascii_only: bool = False, form: str = "table") -> str:
    """Render a stored document."""
    document = json.loads((STORED / f"{name}.json").read_text("utf-8"))
    return RENDERERS[form](document, Style(width=width, ascii=ascii_only))


def main() -> None:
    """Write every picture, of the documents as they are or, with --documents, made anew."""
    if "--documents" in sys.argv:
        with tempfile.TemporaryDirectory() as directory:
            make_documents(Path(directory))
    for picture in SNAPSHOTS.iterdir():
        picture.unlink()
    for picture, (name, style) in PICTURES.items():
        (SNAPSHOTS / picture).write_text(draw(name, **style), "utf-8")


if __name__ == "__main__":
    main()
