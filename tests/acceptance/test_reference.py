"""The README's command reference is generated, every option is explained, and every example runs."""

from __future__ import annotations

import click
import pytest
import readme
from make_reference import README, written

from lossurf.cli import COMMANDS, group


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
    for block in readme.fenced(README.read_text("utf-8"), "console")
    for command, _ in readme.commands_of(block)
}
"""What the README shows is run, and its output compared, by test_readme.py."""


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    return readme.clone(tmp_path_factory.mktemp("reference") / "clone")


def test_the_readme_has_the_reference_of_today():
    text = README.read_text("utf-8")
    assert written(text) == text, "run: python tests/tools/make_reference.py"


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
    report, code = readme.printed([f"{example}\n", "echo $?\n"], clone)
    assert code.strip() in {"0", "1"}, report
