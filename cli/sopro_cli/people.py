"""People whom a command names: nobody becomes somebody else by a slip of the hand (SPEC OFC-8)."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import rich_click as click

from sopro_cli.output import fail
from sopro_cli.secrets import is_somebody_there
from sopro_node.deciders import describe_stranger, find_decider, known_people, same_name
from sopro_protocol.errors import RefusedError, SoproError

Command = Callable[..., Any]

_SAID: Final = "sopro_cli.people"


def _keep(context: click.Context, _parameter: click.Parameter, names: Sequence[str]) -> None:
    context.meta[_SAID] = names


naming_people: Final[Callable[[Command], Command]] = click.option(
    "--new-person",
    multiple=True,
    metavar="NAME",
    expose_value=False,
    callback=_keep,
    help="who is named here for the first time at this site; the NAME once more, repeatable",
)
"""Give a command that names people the option which says who of them is new."""


def find_people(folder: Path, names: Sequence[str]) -> list[bytes]:
    """Return people's pseudonyms; who is new at the site gets one where somebody has said so.

    Ends the command where a name is that of nobody known, and nobody confirms that it is new.
    """
    meet(folder, names)
    try:
        return [find_decider(folder, name, is_new=True) for name in names]
    except SoproError as error:
        fail(error)


def find_person(folder: Path, name: str) -> bytes:
    """Return a person's pseudonym, as `find_people` does."""
    [person] = find_people(folder, [name])
    return person


def meet(folder: Path, names: Sequence[str]) -> bool:
    """Have who is named and not known confirmed as new, and say whether there was anybody.

    Ends the command where nobody confirms it: by `--new-person`, or asked at a terminal.
    """
    try:
        known = known_people(folder)
    except SoproError as error:
        fail(error)
    named = [name for name in dict.fromkeys(names) if name.strip()]
    strangers = [name for name in named if same_name(name, known) is None]
    context = click.get_current_context(silent=True)
    said = context.meta.get(_SAID, ()) if context is not None else ()
    doubtful = [name for name in strangers if same_name(name, said) is None]
    if doubtful:
        _confirm(doubtful, known)
    return bool(strangers)


def _confirm(doubtful: Sequence[str], known: Iterable[str]) -> None:
    """Ask whether people are new, where anybody can be asked; end the command where not."""
    told = [describe_stranger(name, known) for name in doubtful]
    if not is_somebody_there():
        how = " ".join(f"--new-person {name!r}" for name in doubtful)
        why = f"{'; '.join(told)}; where it is somebody new, say so: {how}"
        fail(RefusedError(why, code="ofc.stranger"))
    for sentence in told:
        click.confirm(f"{sentence}. Is it somebody new?", abort=True, err=True)
