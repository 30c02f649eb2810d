"""Certificate files: `sopro certificate get`, `verify`, `check` and `qr`."""

from pathlib import Path
from typing import Any, Final

import msgspec
import rich_click as click

from sopro_cli.certificate_list import certificate_check
from sopro_cli.certificate_trust import read_trust, trusting
from sopro_cli.labels import LAPSING, say_on_record
from sopro_cli.office import ask, run
from sopro_cli.options import FILE, NUMBER, URL, here, read_file
from sopro_cli.output import fail, remark, show, show_json
from sopro_node import clock
from sopro_node.discovery import discover
from sopro_node.fetch import Fetch
from sopro_node.qr import draw_qr, page_address
from sopro_node.reach import ANYWHERE
from sopro_protocol.errors import FormatError, NotFoundError, SoproError
from sopro_registry.certificate_file import MAX_CERTIFICATE
from sopro_registry.fields import format_day
from sopro_registry.verdict import EXIT, Judged, Verdict, judge_certificate

_ANEW: Final = (
    "; it is no certificate file, or one that was damaged: get it anew with "
    "'sopro certificate get NUMBER'"
)


@click.group()
def certificate() -> None:
    """Certificate files: a label's decisions with their proofs."""


@certificate.command("get")
@click.argument("number", callback=NUMBER)
@here
@click.option("--url", default=None, callback=URL, help="of any node, instead of a directory")
@click.option("-o", "--output", type=FILE, default=None, help="the file to write")
def certificate_get(number: str, folder: Path, url: str | None, output: Path | None) -> None:
    """Get a label's certificate file, from a directory or over the network."""
    if url:
        content = run(_fetch(url, number))
    else:
        content = ask(folder, "certificate", number=number)["content"]
    path = output or Path(f"{number.replace('/', '-')}.sopro")
    _write(path, content)
    show(str(path))


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        fail(FormatError(f"{path}: cannot be written ({error.strerror}); name another with -o"))


async def _fetch(url: str, number: str) -> bytes:
    node = url.rstrip("/")
    async with Fetch(reach=ANYWHERE) as fetch:
        try:
            address = f"{node}/api/v1/certificates/{number}"
            return (await fetch.find(address, limit=MAX_CERTIFICATE)).body
        except NotFoundError:
            await discover(fetch, node)
            raise NotFoundError(f"no label {number!r} is known at {node}") from None


@certificate.command("verify")
@click.argument("file", type=FILE)
@trusting
@click.option("--json", "as_json", is_flag=True)
def certificate_verify(  # the options are described where they are declared
    file: Path, *, as_json: bool, **options: Any
) -> None:
    """Verify a certificate file offline and say what it is worth.

    What is trusted comes from an invite file, or from a node's directory, whose knowledge of logs,
    members and witnesses the file is held to.
    Ends with 0 if the label is valid; node/README.md has the code of every other verdict.
    """
    try:
        with read_trust(**options) as trust:
            content = read_file(
                file, limit=MAX_CERTIFICATE, hint="'sopro certificate get NUMBER' makes one"
            )
            judged = judge_certificate(content, now=clock.now(), **trust.values)
    except SoproError as error:
        fail(error)
    if as_json:
        show_json(_as_json(judged))
    elif judged.opened is None:
        hint = _ANEW if judged.verdict is Verdict.MALFORMED else ""
        remark(f"error: {file}: {judged.verdict.value}: {judged.why}{hint}")
    else:
        _tell(judged)
    raise SystemExit(EXIT[judged.verdict])


def _as_json(judged: Judged) -> dict[str, Any]:
    return {
        "verdict": judged.verdict.value,
        "at": format_day(judged.day),
        "as_of": clock.format_time(judged.as_of) if judged.opened else None,
        "is_witnessed": judged.is_witnessed,
        "is_recorded": judged.is_recorded,
        "code": judged.code,
        "why": judged.why,
        "later": msgspec.to_builtins(judged.later),
        **(msgspec.to_builtins(judged.opened) if judged.opened else {}),
    }


def _tell(judged: Judged) -> None:
    opened, newest = judged.opened, judged.newest
    assert opened is not None, "only what was opened is told"  # noqa: S101  # a bug if not
    assert newest is not None, "it was opened"  # noqa: S101  # a bug if not
    ends = newest.valid_until if newest.status in LAPSING else None
    until = f", valid until {ends}" if ends else ""
    held = f", suspended until {newest.suspended_until}" if newest.suspended_until else ""
    show(f"{opened.number}: {judged.verdict.value} on {format_day(judged.day)}{until}{held}")
    if not_known := say_on_record(newest.on_record_since, format_day(judged.day)):
        show(f"  {'recorded late: ' if newest.recorded_late else ''}{not_known}")
    source = "a witness saw the log then" if judged.is_witnessed else "as the site claims"
    if judged.is_recorded:
        source = f"when the coordinator recorded that {opened.origin} has ended"
    if judged.later is not None:
        source = f"in the copy of {judged.later.origin} in this directory, which is newer"
    show(f"  as of {clock.format_time(judged.as_of)}, {source}")
    if judged.verdict is Verdict.STALE:
        show("  that is too long ago, or not yet; get a newer file")
    if judged.why:
        show(f"  {judged.why}")
    named = opened.named.get("en") or next(iter(opened.named.values()), "")
    if described := ", ".join(part for part in (named, opened.holder) if part):
        show(f"  {described}")
    for action, date in opened.decided:
        show(f"  {date or 'date unknown'}  {action}")
    if judged.later is not None:
        for action, date in judged.later.decided:
            show(f"  {date or 'date unknown'}  {action}, not in the file but in this directory")
    if len(opened.sites) > 1:
        show(f"  the label went from site to site: {', '.join(opened.sites)}")
    if opened.handed_to:
        show(
            f"  the label was transferred: {opened.site} has handed it over to {opened.handed_to}, "
            "whose certificate says how it stands now"
        )
    if opened.unproven_from:
        show(
            f"  {opened.site} says that it took the label over from {opened.unproven_from}, which "
            "this file does not prove; ask a node for a newer file"
        )
    show(_say_proven(judged))


def _say_proven(judged: Judged) -> str:
    opened = judged.opened
    assert opened is not None, "only what was opened is told"  # noqa: S101  # a bug if not
    proven = (
        f"proven: these decisions of {opened.site} are in the log {opened.origin} as of its size "
        f"{opened.size}"
    )
    if not opened.is_present:
        return (
            f"{proven}; whether it decided anything else, this file does not prove, "
            "only a newer file or a node can tell"
        )
    return (
        f"{proven}, and there is no other on this label; whether it decided anything since, only "
        "a newer file or a node can tell"
    )


@certificate.command("qr")
@click.argument("number", callback=NUMBER)
@here
@click.option("--url", default=None, help="of the node whose page is to be opened")
@click.option("-o", "--output", type=FILE, default=None, help="the SVG file to write")
def certificate_qr(number: str, folder: Path, url: str | None, output: Path | None) -> None:
    """Draw a QR code that opens a label's page, where its status is always current.

    Without --url it is the page at the site that decides on the label.
    """
    address = page_address(url, number) if url else ask(folder, "page", number=number)["url"]
    path = output or Path(f"{number.replace('/', '-')}.svg")
    _write(path, draw_qr(address))
    show(f"{path}  {address}")


certificate.add_command(certificate_check)

COMMANDS = (certificate,)
