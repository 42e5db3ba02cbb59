"""The single exception boundary: whatever ends a command becomes an exit code and at most three lines on stderr."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable, Sequence

import click

from lossurf.cli.command import DEFAULTS
from lossurf.cli.streams import flush_stdout, silence, stdout_error, write_error, write_lines, write_stderr
from lossurf.errors import ExitCode, LossurfError

_THEIR_WORDS = {
    "a valid float range": "a number",
    "a valid float": "a number",
    "a valid integer range": "a whole number",
    "a valid integer": "a whole number",
}
_REPORT_A_BUG = "run again with --traceback and report both at the project's issue tracker"


def run(command: click.Command, argv: Sequence[str]) -> int:
    """Run a click command and return its exit code; nothing escapes but a demand to exit.

    click's own standalone mode is off: it exits with 1 on an abort, which here means "what was asked does not hold".
    """
    try:
        try:
            result = command.main(args=list(argv), prog_name="lossurf", standalone_mode=False, obj=tuple(argv))
            flush_stdout()
        except Exception as error:  # noqa: BLE001  # the boundary: everything is told and turned into an exit code
            return _tell(error, argv)
    except KeyboardInterrupt:  # even while an error is told
        return _interrupted()
    return int(result) if isinstance(result, int) else ExitCode.OK


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that a mistyped word most likely meant."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(word, list(candidates), n=1)), None)


def _tell(error: Exception, argv: Sequence[str]) -> int:
    if "--traceback" in argv:
        import traceback

        traceback.print_exception(error)
    if isinstance(error, click.Abort):  # click makes one of Ctrl-C and of an EOFError; only the first is the user's
        return _tell_bug(error.__cause__) if isinstance(error.__cause__, EOFError) else _interrupted()
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        write_stderr(error.ctx.get_help())
        return ExitCode.USAGE
    if isinstance(error, OSError) and error.errno == errno.EPIPE:  # whoever read our output has gone
        silence(sys.stdout)
        return ExitCode.OK
    message = _message(error)
    return _tell_bug(error) if message is None else _tell_usage(*message)


def _message(error: Exception) -> tuple[str, str | None, str] | None:
    """Return what, where and the next step; None for what nobody foresaw."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:  # click's own output, the help
        silence(sys.stdout)
        error = stdout_error(error)
    if isinstance(error, LossurfError):
        from lossurf.cli.chapters import remedy_of

        return error.what, error.where, remedy_of(error)
    if isinstance(error, click.ClickException):
        return _click_message(error)
    if isinstance(error, MemoryError) or _failed_silently(error):
        return "there is not enough memory", None, "free memory, or reduce the data in parts with 'lossurf reduce'"
    if isinstance(error, OSError) and error.errno is not None:  # the machine refused; a bug has no error number
        return _refused_by_the_system(error)
    return None


def _failed_silently(error: Exception) -> bool:
    """Tell whether a library's C code gave up without an exception, as NumPy's indexing does without memory."""
    return isinstance(error, SystemError) and "without" in str(error) and "exception" in str(error)


def _refused_by_the_system(error: OSError) -> tuple[str, str | None, str]:
    where = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else None
    try:
        os.getcwd()  # noqa: PTH109  # asked for its failure alone
    except OSError:
        return "the working directory does not exist any more", where, "go to another directory and run again"
    reason = os.strerror(error.errno or 0)
    return f"the system refuses: {reason}", where, "check the disk, its free space and the permissions, and run again"


def _tell_bug(error: BaseException) -> int:
    write_lines([f"a bug in lossurf: {type(error).__name__}: {error}", f"  next:  {_REPORT_A_BUG}"])
    return ExitCode.INTERNAL


def _interrupted() -> int:
    write_lines(["interrupted"])
    return ExitCode.INTERRUPTED


def _tell_usage(what: str, where: str | None, remedy: str) -> int:
    write_error(what, where, remedy)
    return ExitCode.USAGE


def _click_message(error: click.ClickException) -> tuple[str, str | None, str]:
    """Return what, where and the next step of an error that click found."""
    ctx = getattr(error, "ctx", None)
    path = ctx.command_path if ctx else "lossurf"
    remedy = f"see '{path} --help'"
    if isinstance(error, click.NoSuchOption):
        near = nearest(error.option_name, _option_names(ctx))
        if ctx and ctx.parent is None and not near:
            remedy = f"give a command's options after its name: lossurf check {error.option_name} ..."
        return f"no such option {error.option_name}", path, f"did you mean {near}?" if near else remedy
    if isinstance(error, click.BadOptionUsage):
        return _plain(error.message), error.option_name, remedy
    if isinstance(error, click.MissingParameter):
        name = error.param.get_error_hint(ctx).replace("'", "") if error.param else "a parameter"
        return f"missing {error.param.param_type_name if error.param else 'parameter'} {name}", path, remedy
    if isinstance(error, click.BadParameter) and error.param:
        return _plain(error.message), _source(error.param, ctx), _choice_hint(error) or remedy
    return _plain(error.message), path, _command_hint(error, ctx) or remedy


def _plain(message: str) -> str:
    """Return click's message as ours read: a clause without a capital or full stop, numbers called numbers."""
    text = message[:1].lower() + message[1:].rstrip(".")
    for theirs, ours in _THEIR_WORDS.items():
        text = text.replace(theirs, ours)
    return text


def _command_hint(error: click.ClickException, ctx: click.Context | None) -> str | None:
    """Return the nearest command of a group such as `plot`."""
    if ctx is None or not isinstance(ctx.command, click.Group) or error.message.count("'") < 2:
        return None
    near = nearest(error.message.split("'")[1], ctx.command.list_commands(ctx))
    return f"did you mean '{near}'?" if near else None


def _option_names(ctx: click.Context | None) -> list[str]:
    return [name for param in (ctx.command.get_params(ctx) if ctx else []) for name in param.opts if name[:1] == "-"]


def _source(param: click.Parameter, ctx: click.Context | None) -> str:
    """Return the parameter's name and, unless the command line gave it, what did."""
    name = max(param.opts, key=len) if isinstance(param, click.Option) else param.human_readable_name.strip("[].")
    source = ctx.get_parameter_source(param.name) if ctx and param.name else None
    if source is click.core.ParameterSource.ENVIRONMENT:
        variables = [param.envvar] if isinstance(param.envvar, str) else list(param.envvar or [])
        used = next((v for v in variables if os.environ.get(v)), "the environment")
        return f"{name}, set by the environment variable {used}"
    if source is click.core.ParameterSource.DEFAULT_MAP:
        found = ctx.meta.get(DEFAULTS, {}).get(param.name) if ctx else None
        return f"{name}, set by the configuration file" + (f" {found.place.where}" if found else "")
    return name


def _choice_hint(error: click.BadParameter) -> str | None:
    kind = error.param.type if error.param else None
    if not isinstance(kind, click.Choice):
        return None
    wrong = error.message.split("'")[1] if error.message.count("'") >= 2 else ""
    near = nearest(wrong, [str(choice) for choice in kind.choices])
    return f"did you mean '{near}'?" if near else None
