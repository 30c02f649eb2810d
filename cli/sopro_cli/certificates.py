"""Certificate files: `sopro certificate get`, `sopro certificate verify`."""

from pathlib import Path
from typing import Final

import msgspec
import rich_click as click

from sopro_cli.labels import LAPSING
from sopro_cli.office import ask, run
from sopro_cli.options import FILE, as_day, here, read_file
from sopro_cli.output import fail, show, show_json
from sopro_node import clock
from sopro_node.fetch import Fetch
from sopro_node.identity import Invite, load_federation, parse_invite
from sopro_node.reach import ANYWHERE
from sopro_node.store.sqlite import SqliteStore
from sopro_protocol.errors import FormatError, SoproError
from sopro_registry.certificate import MAX_CERTIFICATE, OpenedCertificate, open_certificate
from sopro_registry.fields import format_day

MAX_INVITE: Final = 64 * 1024
NO_INVITE: Final = "the coordinator's operator has the invite file"


@click.group()
def certificate() -> None:
    """Certificate files: a label's decisions with their proofs."""


@certificate.command("get")
@click.argument("number")
@here
@click.option("--url", default=None, help="of any node, instead of a directory")
@click.option("-o", "--output", type=FILE, default=None, help="the file to write")
def certificate_get(number: str, folder: Path, url: str | None, output: Path | None) -> None:
    """Get a label's certificate file, from a directory or over the network."""
    if url:
        content = run(_fetch(url, number))
    else:
        content = ask(folder, "certificate", number=number)["content"]
    path = output or Path(f"{number.replace('/', '-')}.sopro")
    try:
        path.write_bytes(content)
    except OSError as error:
        fail(FormatError(f"{path}: cannot be written ({error.strerror}); name another with -o"))
    show(str(path))


async def _fetch(url: str, number: str) -> bytes:
    async with Fetch(reach=ANYWHERE) as fetch:
        address = f"{url.rstrip('/')}/api/v1/certificates/{number}"
        return (await fetch.get(address, limit=MAX_CERTIFICATE)).body


@certificate.command("verify")
@click.argument("file", type=FILE)
@click.option("--invite", type=FILE, default=None, help="the federation's invite file")
@click.option("--dir", "folder", type=click.Path(path_type=Path, file_okay=False), default=None)
@click.option("--at", default=None, help="civil date; today if not given")
@click.option("--json", "as_json", is_flag=True)
def certificate_verify(
    file: Path, invite: Path | None, folder: Path | None, at: str | None, *, as_json: bool
) -> None:
    """Verify a certificate file offline: 0 if the label holds, 1 if not, 65 or 76 if it is none.

    What is trusted comes from an invite file, or from the federation a directory is pinned to.
    """
    if (invite is None) == (folder is None):
        raise click.UsageError("say whom to trust: --invite FILE or --dir DIRECTORY")
    try:
        day = as_day(at, "--at") if at else clock.today("UTC")
        pinned = read_invite(invite) if invite else read_pinned(folder or Path())
        content = read_file(
            file, limit=MAX_CERTIFICATE, hint="'sopro certificate get NUMBER' makes one"
        )
        opened = open_certificate(
            content, coordinator=pinned.origin, coordinator_root=pinned.root_key, day=day
        )
    except SoproError as error:
        fail(error)
    if as_json:
        show_json({"at": format_day(day), **msgspec.to_builtins(opened)})
    else:
        _tell(opened, day)
    raise SystemExit(0 if opened.status == "active" else 1)


def read_invite(path: Path) -> Invite:
    """Read an invite file.

    Raises:
        FormatError: it cannot be read, or is none.
    """
    return parse_invite(read_file(path, limit=MAX_INVITE, hint=NO_INVITE), where=str(path))


def read_pinned(folder: Path) -> Invite:
    """Return the federation that a directory is pinned to.

    Raises:
        FormatError: there is no node in it, or it is pinned to none.
    """
    store = SqliteStore.open(folder, writing=False)
    try:
        pinned = load_federation(store)
    finally:
        store.close()
    if pinned is None:
        raise FormatError(f"{folder}: pinned to no federation yet; use --invite FILE")
    return pinned


def _tell(opened: OpenedCertificate, day: int) -> None:
    ends = opened.valid_until if opened.status in LAPSING else None
    until = f", valid until {ends}" if ends else ""
    show(f"{opened.number}: {opened.status} on {format_day(day)}{until}")
    for action, date in opened.decided:
        show(f"  {date or 'date unknown'}  {action}")
    show(
        f"proven: these decisions of {opened.site} are in the log {opened.origin} as of its size "
        f"{opened.size}; whether it decided anything since, only a newer file or a node can tell"
    )


COMMANDS = (certificate,)
