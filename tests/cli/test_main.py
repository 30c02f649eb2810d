import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest

import sopro_cli
from sopro_cli.examples import EXAMPLES
from sopro_cli.main import MODULES, main
from tests.cli.place import sopro

PAGE = (Path(__file__).resolve().parents[2] / "node" / "README.md").read_text("utf-8")


def test_every_command_of_every_module_is_found() -> None:
    modules = [path.stem for path in Path(sopro_cli.__file__).parent.glob("[a-z]*.py")]
    known = {
        command.name: name
        for name in modules
        for command in getattr(import_module(f"sopro_cli.{name}"), "COMMANDS", ())
    }
    assert known == MODULES


@pytest.mark.parametrize("name", MODULES)
def test_every_command_helps_and_is_on_the_page(name: str) -> None:
    assert f"Usage: main {name}" in " ".join(sopro(name, "--help").stdout.split())
    assert f"`sopro {name} " in PAGE


def test_unknown_command_is_a_usage_error() -> None:
    assert "No such command 'decode'" in sopro("decode", code=2).stderr


def test_worker_process_that_loads_the_program_does_not_run_it() -> None:
    assert import_module("sopro_cli.__main__").main is main


def every(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        for name, one in sorted(command.commands.items()):
            yield from every(one, (*path, name))


def whole() -> list[tuple[str, ...]]:
    context = click.Context(main)
    found = [(name, main.get_command(context, name)) for name in MODULES]
    return [path for name, one in found if one is not None for path in every(one, (name,))]


@pytest.mark.parametrize("words", whole(), ids=" ".join)
def test_every_help_has_an_example_that_its_options_take(words: tuple[str, ...]) -> None:
    command: click.Command | None = main
    for word in words:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), word)
    assert command is not None
    whole_lines = re.sub(r"\\\n\s*", "", command.help or "")
    lines = [line.strip() for line in whole_lines.splitlines()]
    examples = [line for line in lines if line.startswith(f"sopro {' '.join(words)}")]
    assert examples
    assert "sopro " in " ".join(sopro(*words, "--help").stdout.split())
    if isinstance(command, click.Group):
        return
    for line in examples:
        given = shlex.split(line.partition(" > ")[0].partition(" < ")[0])[1 + len(words) :]
        command.make_context(words[-1], given)


def test_no_example_is_of_a_command_that_is_none() -> None:
    assert set(EXAMPLES) <= {" ".join(words) for words in whole()}


OF_CERTIFICATION = (
    "apply", "application", "appeal", "assessor", "check", "complain", "complaint", "criteria",
    "decide", "directory", "evaluate", "officer", "review",
)  # fmt: skip


def leaves(name: str) -> list[list[str]]:
    command = main.get_command(click.Context(main), name)
    if isinstance(command, click.Group):
        return [[name, one] for one in sorted(command.commands)]
    return [[name]]


@pytest.mark.parametrize("words", [leaf for name in OF_CERTIFICATION for leaf in leaves(name)])
def test_what_certification_needs_has_an_example_and_answers_programs(words: list[str]) -> None:
    said = " ".join(sopro(*words, "--help").stdout.split())
    assert f"sopro {' '.join(words)} " in said.split("Options")[0].replace("Usage: ", "", 1)
    assert "--json" in said
