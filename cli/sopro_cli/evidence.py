"""Evidence of two histories: `sopro evidence list|get|show|verify`."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import rich_click as click

from sopro_cli.certificate_trust import read_invite, read_pinned
from sopro_cli.inspecting import describe
from sopro_cli.office import ask
from sopro_cli.options import FILE, FOLDER, here, read_file
from sopro_cli.output import fail, show, show_json
from sopro_protocol.errors import FormatError, SoproError
from sopro_protocol.evidence import MAX_EVIDENCE, parse_evidence
from sopro_registry.evidence import OpenedEvidence, open_evidence, open_evidence_by_root

HINT: Final = "a node serves the files at /evidence"


@click.group()
def evidence() -> None:
    """Evidence that a log has two histories."""


@evidence.command("list")
@click.argument("folder", type=FOLDER)
@click.option("--json", "as_json", is_flag=True)
def evidence_list(folder: Path, *, as_json: bool) -> None:
    """List the evidence a node keeps."""
    kept = ask(folder, "evidence")["evidence"]
    if as_json:
        show_json(kept)
    elif kept:
        tell_evidence(kept)
    else:
        show("no evidence: no log is known to have two histories")


@evidence.command("get")
@click.argument("evidence_id", metavar="ID")
@here
@click.option("-o", "--output", type=FILE, default=None, help="the file to write")
def evidence_get(evidence_id: str, folder: Path, output: Path | None) -> None:
    """Write an evidence file; the first digits of its id are enough."""
    if not re.fullmatch("[0-9a-f]{4,64}", evidence_id):
        raise click.BadParameter(
            f"ID: expected 4 to 64 hexadecimal digits, as 'sopro evidence list' prints, "
            f"got {evidence_id[:80]!r}"
        )
    answer = ask(folder, "evidence_file", id=evidence_id)
    path = output or Path(f"evidence-{answer['id'].hex()[:16]}.sopro")
    try:
        path.write_bytes(answer["content"])
    except OSError as error:
        fail(FormatError(f"{path}: cannot be written ({error.strerror}); name another with -o"))
    show(str(path))


@evidence.command("show")
@click.argument("file", type=FILE)
def evidence_show(file: Path) -> None:
    """Print an evidence file for a person; nothing is verified."""
    try:
        data = _read(file)
        lines = describe(data, where=str(file))
    except SoproError as error:
        fail(error)
    for line in lines:
        show(line)


@evidence.command("verify")
@click.argument("file", type=FILE)
@click.option("--invite", type=FILE, default=None, help="the federation's invite file")
@click.option("--root", default=None, help="root key of the site it is about, in hex")
@click.option("--dir", "folder", type=FOLDER, default=None, help="of a node of the federation")
@click.option("--json", "as_json", is_flag=True)
def evidence_verify(
    file: Path, invite: Path | None, root: str | None, folder: Path | None, *, as_json: bool
) -> None:
    """Verify an evidence file offline: 0 if it proves two histories, 65 or 76 if not.

    What is trusted comes from an invite file, from the federation a directory is pinned to, or is
    the root key of the very site.
    """
    if sum(one is not None for one in (invite, root, folder)) != 1:
        raise click.UsageError("say whom to trust: --invite FILE, --root KEY or --dir DIRECTORY")
    try:
        data = _read(file)
        if root is not None:
            opened = open_evidence_by_root(data, root=_as_key(root))
        else:
            pinned = read_invite(invite) if invite else read_pinned(folder or Path())
            opened = open_evidence(
                data, coordinator=pinned.origin, coordinator_root=pinned.root_key
            )
    except SoproError as error:
        fail(error)
    if as_json:
        show_json(_plain(opened))
    else:
        _tell(opened)


def _read(file: Path) -> bytes:
    data = read_file(file, limit=MAX_EVIDENCE, hint=HINT)
    try:
        parse_evidence(data)
    except FormatError as error:
        raise FormatError(f"{file}: no evidence file: {error}; {HINT}", code=error.code) from None
    return data


def _as_key(text: str) -> bytes:
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise FormatError(f"--root: expected 64 hexadecimal digits, got {text[:80]!r}")
    return bytes.fromhex(text)


def _plain(opened: OpenedEvidence) -> dict[str, Any]:
    return {
        "id": opened.id,
        "origin": opened.origin,
        "site": opened.site,
        "root": opened.root,
        "size": opened.size,
        "heads": [{"size": head.size, "root": head.root} for head in opened.heads],
    }


def _tell(opened: OpenedEvidence) -> None:
    show(f"{opened.origin}: two histories are proven (evidence {opened.id.hex()[:16]})")
    for head in opened.heads:
        show(f"  signed: size {head.size}, root {head.root.hex()}")
    show(
        f"both heads bear the signature of this log; their first {opened.size} entries are not "
        "the same, so they exclude one another. Which one holds, no file can tell"
    )


def tell_evidence(kept: Sequence[dict[str, Any]]) -> None:
    """Say which logs have two histories."""
    for one in kept:
        first, second = one["sizes"]
        stands = (
            "the first head is kept, nothing more is taken from it"
            if one["stands"]
            else "settled by the federation"
        )
        show(
            f"{one['origin']}: two histories: signed heads at size {first} and size {second} "
            f"exclude one another; {stands} (evidence {one['id'][:16]}, at {one['path']})"
        )
        if one["stands"]:
            heads = zip(one["roots"], one["sizes"], strict=True)
            show(f"  roots: {' and '.join(f'{root} (size {size})' for root, size in heads)}")


def tell_anchors(anchors: Sequence[dict[str, Any]]) -> None:
    """Say how many members have decided for which history of the coordinator's log."""
    for one in anchors:
        by = ", ".join(one["by"]) or "nobody"
        settled = "settled" if one["settled"] else f"{one['needed']} of {one['voters']} have to"
        show(
            f"{one['origin']}: the history with the root {one['root'][:16]} at size {one['size']} "
            f"is anchored by {by}; {settled}"
        )


def tell_succession(succession: Sequence[dict[str, Any]]) -> None:
    """Say who goes on, or is to, for a coordinator that is gone."""
    for one in succession:
        by, urls = ", ".join(one["by"]) or "nobody", ", ".join(one["urls"])
        if one["state"] == "taken_over":
            show(
                f"the coordinator's log was taken over after {one['size']} entries, as {by} have "
                f"appointed; it is at {urls}"
            )
            continue
        enough = (
            "it has only to take over"
            if one["state"] == "appointed"
            else f"{one['needed']} of {one['voters']} have to"
        )
        show(
            f"successor of the coordinator: {one['successor'][:16]}... at {urls}, after "
            f"{one['size']} entries: appointed by {by}; {enough}"
        )


COMMANDS = (evidence,)
