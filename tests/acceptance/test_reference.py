"""The manual's command reference is generated, every option is explained, and every example runs."""

from __future__ import annotations

import re

import click
import pytest
import readme
from make_reference import PARTS, written

from lossurf.cli import COMMANDS, group
from lossurf.cli.headings import Heading


def commands() -> dict[str, click.Command]:
    context = click.Context(group)
    found = {}
    for name in COMMANDS:
        command = group.get_command(context, name)
        inner = command.commands if isinstance(command, click.Group) else {"": command}
        found |= {f"{name} {sub}".strip(): one for sub, one in inner.items()}
    return found


ALL = commands()
EXAMPLES = [example for command in ALL.values() for example in getattr(command, "examples", ())]
SHOWN = {
    command.strip()
    for path in readme.TEXTS
    for block in readme.fenced(path.read_text("utf-8"), "console")
    for command, _ in readme.commands_of(block)
}
"""What README and manual show is run, and its output compared, by test_readme.py."""


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    return readme.clone(tmp_path_factory.mktemp("reference") / "clone")


@pytest.mark.parametrize("path", PARTS, ids=lambda path: path.stem)
def test_a_text_has_the_commands_of_today(path):
    assert written(path) == path.read_text("utf-8"), "run: python tests/tools/make_reference.py"


@pytest.mark.parametrize("name", ALL)
def test_a_command_is_explained_by_words_examples_and_variables(name):
    command = ALL[name]
    assert command.help
    assert getattr(command, "examples", ()), f"give {name} an example"
    for param in command.params:
        if isinstance(param, click.Option):
            assert param.help, f"{name} {param.opts[0]} has no help"
            assert param.envvar or param.name == "traceback", f"{name} {param.opts[0]} has no variable"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_each_does(name):
    summary = COMMANDS[name]
    assert summary[0].isupper()
    assert summary.endswith(".")
    assert len(summary) <= 80


@pytest.mark.parametrize("example", [example for example in EXAMPLES if example not in SHOWN])
def test_an_example_runs(example, clone):
    sooner = example.replace("--timeout 3 ", "--timeout 1.5 ")  # than a reader's: the run that it follows is over
    report, code = readme.printed([f"{sooner}\n", "echo $?\n"], clone)
    assert code.strip() in {"0", "1"}, report


@pytest.mark.parametrize("width", [50, 80])
@pytest.mark.parametrize("name", ALL)
def test_help_lists_every_option_once_under_a_heading_and_breaks_no_example(name, width):
    context = click.Context(ALL[name], info_name=name, terminal_width=width)
    text, _, examples = ALL[name].get_help(context).partition("\nExamples:\n")
    assert [line.strip() for line in re.sub(r" \\\n +", " ", examples).splitlines()] == list(ALL[name].examples)
    sections = re.split(r"^(\w[\w ]*):\n", text, flags=re.MULTILINE)[1:]
    assert sections[-2] == "Every command"
    assert set(sections[::2]) <= {str(heading) for heading in Heading}
    for param in ALL[name].get_params(context):
        if isinstance(param, click.Option):
            assert len(re.findall(rf"^  (-\w, )?{param.opts[-1]}\b(?!-)", "".join(sections[1::2]), re.MULTILINE)) == 1
