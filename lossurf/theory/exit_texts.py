"""The exit codes in plain words."""

from __future__ import annotations

from typing import Final

from lossurf.errors import ExitCode
from lossurf.theory.explanation import Explanation
from lossurf.words import Kind

_ENTRIES: Final = (
    Explanation(
        str(int(ExitCode.OK)),
        Kind.EXIT_CODE,
        "Done, and what was asked for holds",
        "The command did its work and the answer is the hoped-for one.",
        "A pipeline may go on.",
        "Nothing to do.",
    ),
    Explanation(
        str(int(ExitCode.NOT_MET)),
        Kind.EXIT_CODE,
        "Done, but what was asked for does not hold",
        "`check`: a hypothesis fails or is undecided. `classify --expect`: another verdict. `escape`: nothing to "
        "leave. `verify`: the certificate is not valid.",
        "The report on standard output is complete; only the answer is no.",
        "Read the report. In a pipeline, treat it as a failed test, not as a broken tool.",
    ),
    Explanation(
        str(int(ExitCode.USAGE)),
        Kind.EXIT_CODE,
        "The request cannot be carried out as given",
        "An option, the configuration, the data or a checkpoint is wrong; standard error says what, where and what to "
        "do.",
        "Nothing was written; of many checkpoints, the report still judges those that could be read.",
        "Do the one thing that the message names.",
    ),
    Explanation(
        str(int(ExitCode.INTERNAL)),
        Kind.EXIT_CODE,
        "A bug in lossurf",
        "Something failed that no input should be able to make fail.",
        "The answer is unknown; do not use partial output.",
        "Run again with --traceback and report the output with the smallest input that shows it.",
    ),
    Explanation(
        str(int(ExitCode.INTERRUPTED)),
        Kind.EXIT_CODE,
        "Interrupted",
        "Ctrl-C or SIGINT arrived before the end.",
        "No file was left half written.",
        "Run it again when there is time; `lossurf reduce` keeps the expensive pass over large data.",
    ),
)

EXIT_CODES: Final = {entry.id: entry for entry in _ENTRIES}
"""Every exit code by its number."""
