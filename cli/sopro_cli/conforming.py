"""`sopro conformance ...`: statements, and what members' addresses show (SPEC CONF)."""

import hashlib
import json
from pathlib import Path
from typing import Any, Final

import rich_click as click

from sopro_cli.office import ask
from sopro_cli.options import FOLDER
from sopro_cli.output import fail, remark, show, show_json
from sopro_node.calling import read_error
from sopro_protocol.errors import FormatError

FILE: Final = "statement.json"
REPORT: Final = "report.json"
_FORMAT: Final = 1
_MOST: Final = 64 * 1024 * 1024


@click.group()
def conformance() -> None:
    """What the conformance suite has shown of a node."""


@conformance.command("state")
@click.argument("folder", type=FOLDER)
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
def conformance_state(folder: Path, out: Path) -> None:
    """Put the statement of a run into this site's log; OUT is the run's directory.

    The run has to have answered this site's challenge: sopro-conformance run --nonce ... --site ...
    """
    said = read_statement(out)
    site = ask(folder, "identity")["site"]
    if said["site"] != site:
        fail(FormatError(f"{out / FILE}: answers a challenge of {said['site']!r}, this is {site}"))
    draft = {"family": "conformance_statement", "values": said["body"]}
    [outcome] = ask(folder, "append", drafts=[draft])["outcomes"]
    if "error" in outcome:
        fail(read_error(outcome))
    body = said["body"]
    remark(
        f"tell the coordinator: sopro members admit DIRECTORY {site} --statement "
        f"{outcome['index']}, or members change where this site is a member"
    )
    show(
        f"entry {outcome['index']} states {said['profiles']}, in force until {body['valid_until']}"
    )


def read_statement(out: Path) -> dict[str, Any]:
    """Read a statement and hold it to the report beside it; ends the command where it is none.

    Returns `site`, `profiles` joined by plus signs, and `body`, as it is appended.
    """
    path = out / FILE
    try:
        said = json.loads(_read(path))
        if said["format"] != _FORMAT:
            fail(FormatError(f"{path}: expected format {_FORMAT}, got {said['format']!r}"))
        body = dict(said["body"])
        body |= {name: bytes.fromhex(body[name]) for name in said["bytes"]}
        wanted = body["report"]
        named = "+".join(body["profiles"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        fail(
            FormatError(
                f"{path}: not a statement of conformance ({error}); 'sopro-conformance run --nonce "
                "...' writes one where every case passed"
            )
        )
    if hashlib.sha256(_read(out / REPORT)).digest() != wanted:
        fail(
            FormatError(
                f"{out / REPORT}: not the report that the statement names; run the suite again"
            )
        )
    return {"site": str(said["site"]), "profiles": named, "body": body}


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST)
    except OSError as error:
        fail(
            FormatError(
                f"{path}: cannot be read ({error.strerror}); is this the directory of a run that "
                "answered a challenge and in which every case passed?"
            )
        )


@conformance.command("watch")
@click.argument("folder", type=FOLDER)
@click.option("--site", "sites", multiple=True, callback=lambda _c, _o, v: list(v), help="only it")
@click.option("--json", "as_json", is_flag=True)
def conformance_watch(folder: Path, sites: list[str], *, as_json: bool) -> None:
    """Try members at their addresses now, as the coordinator's node does once a day."""
    found = ask(folder, "watch", sites=sites)["watched"]
    if as_json:
        show_json(found)
        return
    for one in found:
        verdicts = "  ".join(f"{name} {verdict}" for name, verdict in one["verdicts"].items())
        show(f"{one['site']:12} {one['url']}  {verdicts or one['problem']}")
        for words in one["words"]:
            remark(f"{one['site']}: {words}")


COMMANDS = (conformance,)
