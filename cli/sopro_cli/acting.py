"""Doing an act of the catalogue as the operator, with what a person wrote on the command line."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

import rich_click as click

from sopro_cli.office import Call, acting_officer, reach, run
from sopro_cli.people import find_person
from sopro_cli.secrets import is_somebody_there

Work = Callable[[Call], Coroutine[Any, Any, Mapping[str, Any]]]


async def act(
    office: Call,
    name: str,
    told: Mapping[str, Any],
    *,
    entity: bytes | None = None,
    person: bytes | None = None,
    files: Sequence[Mapping[str, Any]] = (),
) -> Mapping[str, Any]:
    """Have an act done; what was not given is left out, and bytes are written in hex.

    Args:
        office: reaches the node.
        name: of the act.
        told: what it is told.
        entity: whom it is about, where that is there already.
        person: pseudonym of who does it.
        files: documents of the record, as `sopro_cli.files` reads them.

    Raises:
        SoproError: why it was not done.
    """
    given = {field: _plain(value) for field, value in told.items() if not _is_missing(value)}
    values = {
        "act": name,
        "told": given,
        "entity": entity,
        "person": person,
        "files": list(files),
    }
    return await office("act", values)


def do(folder: Path, work: Work) -> Mapping[str, Any]:
    """Do something with the node of a directory."""

    async def whole() -> Mapping[str, Any]:
        async with reach(folder) as office:
            return await work(office)

    return run(whole())


def person_of(
    folder: Path, name: str | None, *, option: str = "--decider", does: str = "decides"
) -> bytes | None:
    """Return the pseudonym of who does something: who is named, or is so when asked.

    None for the officer whom `sopro --as` names; the node knows the pseudonym. Who is named and
    not known is confirmed as new, or the command ends. A user of the system is nobody of the site:
    whoever types may have evaluated under a name of their own (SPEC OFC-9).

    Args:
        folder: the node's directory.
        name: of the person, where the command says it.
        option: that says it.
        does: what the person does, for whoever is asked.

    Raises:
        click.UsageError: nobody is named, and nobody is there to be asked.
    """
    if name is None and acting_officer():
        return None
    if name is None and not is_somebody_there():
        raise click.UsageError(f"say who {does} with {option}, or act as them: sopro --as NAME")
    return find_person(folder, name or click.prompt(f"Who {does}", err=True))


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return value


def _is_missing(value: object) -> bool:
    return value is None or value in ("", [], ())
