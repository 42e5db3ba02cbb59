"""Draw the stored pictures of every report: read each one again before it is committed."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import readme

from lossurf.report.render import RENDERERS, Style

ROOT = Path(__file__).resolve().parent
STORED = ROOT / "data" / "documents"
SNAPSHOTS = ROOT / "data" / "snapshots"
WIDTHS = (60, 80, 120)
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
    "classify-strict-saddle": f"classify {_POINTS}/strict-saddle.npz {_WINE} --expect global-minimum",
    "construct": f"construct bad-saddle {_WINE} --widths 10,4,2,3 -o saddle.npz",
    "escape": f"escape {_POINTS}/bad-saddle.npz {_WINE} --to-minimum -o best.npz",
    "escape-stays": f"escape {_POINTS}/early-float32.npz {_WINE} -o best.npz",
    "escape-tails": f"escape {_POINTS}/strict-saddle-tails.npz {_WINE} --to-minimum --path way",
    "explain-one": "explain bad-saddle",
    "reduce": "reduce sample_data/linnerud -o linnerud.lossurf.npz",
    "relu": "relu sample_data/digits/relu.npz --data sample_data/digits",
    "spurious": "spurious sample_data/diabetes",
    "spurious-counterexample": "spurious --counterexample tanh",
    "verify": f"{_CERTIFY} && lossurf verify c.npz {_WINE}",
    "verify-other-data": f"{_CERTIFY} && lossurf verify c.npz --data sample_data/linnerud",
    "watch": f"watch sample_data/wine/run/*.npz {_WINE}",
}
"""How each stored document was made; their last digits depend on the machine, so they are kept."""


DOCUMENTS = tuple(COMMANDS)


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
    for name in DOCUMENTS:
        for width in WIDTHS:
            (SNAPSHOTS / f"{name}-{width}.txt").write_text(draw(name, width), "utf-8")
            (SNAPSHOTS / f"{name}-{width}-ascii.txt").write_text(draw(name, width, ascii_only=True), "utf-8")
        for form in FORMS:
            (SNAPSHOTS / f"{name}.{form}.txt").write_text(draw(name, 120, form=form), "utf-8")


if __name__ == "__main__":
    main()
