"""Write the README's command reference from the commands themselves; a test compares."""

from __future__ import annotations

import inspect
from pathlib import Path

import click

from lossurf.cli import COMMANDS, group

README = Path(__file__).resolve().parents[2] / "README.md"
BEGIN, END = "<!-- begin command reference -->\n", "<!-- end command reference -->\n"
DATA = (
    *("data", "x", "y", "target", "columns", "drop", "index", "no_index", "autoencoder", "samples"),
    *("standardize", "intercept", "max_memory"),
)
SHARED = ("format", "output", "color", "quiet", "verbose", "config", "traceback")


def reference() -> str:
    """Return the whole reference as markdown."""
    intro = (
        "Every option can also be set by an environment variable: `LOSSURF_TOLERANCE=1e-7` for all commands, "
        "`LOSSURF_CLASSIFY_TOLERANCE=1e-7` for one. Options that may be repeated take their values separated by blanks "
        "there, files by the separator of PATH. In a configuration file it is `tolerance: 1e-7`, or "
        "`classify: {tolerance: 1e-7}`."
    )
    commands = {name: group.get_command(click.Context(group), name) for name in COMMANDS}
    shared = {param.name: param for param in commands["check"].params}
    data = {param.name: param for param in commands["classify"].params}
    parts = [
        intro,
        _options("Options of every command that reports", [shared[name] for name in SHARED]),
        _options("Options of every command that reads data", [data[name] for name in DATA]),
    ]
    parts += [_command(name, command) for name, command in commands.items()]
    return "\n\n".join(parts) + "\n"


def _context(name: str, command: click.Command) -> click.Context:
    parent = click.Context(group, info_name="lossurf", help_option_names=["-h", "--help"])
    return click.Context(command, info_name=name, parent=parent)


def _command(name: str, command: click.Command) -> str:
    if isinstance(command, click.Group):
        inner = [_command(f"{name} {sub}", command.commands[sub]) for sub in sorted(command.commands)]
        return "\n\n".join([f"### `lossurf {name}`", _text(command), *inner])
    context = _context(name, command)
    usage = " ".join(["lossurf", name, *command.collect_usage_pieces(context)]).replace("[OPTIONS] ", "")
    reads_data = {"samples", "target"} <= {param.name for param in command.params}
    shared = {*SHARED, *(DATA if reads_data else ())}
    own = [param for param in command.params if param.name not in shared]
    own += [param for param in command.params if param.name == "output" and not _is_report(param, command)]
    examples = "\n".join(getattr(command, "examples", ()))
    parts = [f"### `{usage}`", _text(command), f"```sh\n{examples}\n```" if examples else ""]
    options = [param for param in own if isinstance(param, click.Option)]
    return "\n\n".join(part for part in [*parts, _options("", options)] if part)


def _is_report(output: click.Parameter, command: click.Command) -> bool:
    """Whether -o names the report's file, as the shared table says, and not what the command writes."""
    return "format" in {param.name for param in command.params} and not output.required


def _text(command: click.Command) -> str:
    return inspect.cleandoc(command.help or "").replace("\b\n", "")


def _options(title: str, params: list[click.Parameter]) -> str:
    if not params:
        return ""
    rows = [(f"`{_flags(param)}`", _meaning(param), _variables(param)) for param in params]
    lines = [f"| {title or 'option'} | meaning | variable |", "|---|---|---|"]
    return "\n".join([*lines, *[f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]])


def _flags(param: click.Parameter) -> str:
    names = ", ".join([*param.opts, *param.secondary_opts])
    if not isinstance(param, click.Option) or param.is_flag or param.count:
        return names
    metavar = param.metavar or param.type.get_metavar(param, click.Context(group)) or param.type.name.upper()
    return f"{names} {metavar}"


def _meaning(param: click.Parameter) -> str:
    return getattr(param, "help", "") or ""


def _variables(param: click.Parameter) -> str:
    names = [param.envvar] if isinstance(param.envvar, str) else list(param.envvar or [])
    return f"`{names[-1]}`" if names else ""


def written(readme: str) -> str:
    """Return the README with the reference as it should be."""
    before, rest = readme.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n{reference()}\n{END}{after}"


def main() -> None:
    """Write the reference into the README."""
    README.write_text(written(README.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
