"""What signals leave behind: no traceback, no temporary file, and the exit status that shells know.

Only the entry point and code that holds a temporary file touch the process's signal handlers, and both let a signal
that is ignored, as under nohup, stay ignored. SIGTERM and SIGHUP keep the system's own action everywhere else, so that
they end a long factorisation at once and not when it returns to the interpreter.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn

_BOUNDARY: Final = ("lossurf.cli.boundary", "run")  # the function that turns a KeyboardInterrupt into exit 130
_IMPORTS: Final = "<frozen importlib"
_INTERRUPTED: Final = 130  # errors.ExitCode's, which would take an import of enum's users here
_ENDING: Final = ("SIGINT", "SIGTERM", "SIGHUP")


def end_quietly_when_interrupted() -> None:
    """Let Ctrl-C end the process with exit 130 and one line, from now to its last instruction.

    Where the exception boundary is on the stack, a KeyboardInterrupt is raised, so that everything is closed on the
    way. In the middle of an import, whose code may swallow the exception or make another of it, before and after the
    boundary, and at a second interrupt the process ends on the spot.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return
    raised = False

    def interrupted(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  # signal's
        nonlocal raised
        if raised or not _will_be_told(frame):
            leave_interrupted()
        raised = True
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupted)


def leave_interrupted() -> NoReturn:
    """End the process as one that was interrupted, without running anything more."""
    try:
        os.write(2, b"lossurf: interrupted\n")
    except OSError:  # nobody reads it: the exit code alone tells
        pass
    finally:
        os._exit(_INTERRUPTED)


def _will_be_told(frame: FrameType | None) -> bool:
    """Tell whether an exception raised in a frame reaches the exception boundary as it is."""
    while frame is not None:
        if frame.f_code.co_filename.startswith(_IMPORTS):
            return False
        if (frame.f_globals.get("__name__"), frame.f_code.co_name) == _BOUNDARY:
            return True
        frame = frame.f_back
    return False


@contextmanager
def cleared_by_signals(clear: Callable[[], object]) -> Iterator[None]:
    """Call `clear` before SIGINT, SIGTERM or SIGHUP does what it would have done.

    For the short time that a temporary file exists: handlers run between the interpreter's instructions only. In
    another thread than the main one, where no handler can be set, nothing is done.

    Parameters
    ----------
    clear : callable
        Must not raise, and may be called when there is nothing to clear any more.
    """
    before: dict[int, Callable[[int, FrameType | None], object] | int] = {}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def stopped(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  # signal's
        clear()
        restore()
        signal.raise_signal(number)
        if before[number] is signal.SIG_DFL:  # still here: the first process of a container has no default action
            os._exit(128 + number)

    if threading.current_thread() is threading.main_thread():
        for number in (getattr(signal, name) for name in _ENDING if hasattr(signal, name)):
            handler = signal.getsignal(number)
            if handler not in (signal.SIG_IGN, None):
                before[number] = handler
                signal.signal(number, stopped)
    try:
        yield
    finally:
        restore()
