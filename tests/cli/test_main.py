from importlib import import_module
from pathlib import Path

import click
import pytest

import sopro_cli
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
