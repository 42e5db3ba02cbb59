"""What mkdocs is told beyond its configuration: the site's first page is the README."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

README = Path(__file__).resolve().parent.parent / "README.md"


def on_files(files: Files, config: Any) -> Files:
    """Add the README as index.md; what it names in the manual lies beside it there."""
    text = README.read_text("utf-8").replace("[lossurf/manual](lossurf/manual)", "this site")
    files.append(File.generated(config, "index.md", content=text.replace("](lossurf/manual/", "](")))
    return files
