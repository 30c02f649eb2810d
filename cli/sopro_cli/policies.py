"""The witness policy outside a node: `sopro policy export`, `sopro policy check`."""

from collections.abc import Sequence
from pathlib import Path

import rich_click as click

from sopro_cli.office import ask
from sopro_cli.options import FILE, FOLDER, read_file
from sopro_cli.output import fail, show, show_json, show_lines
from sopro_node import clock
from sopro_protocol.checkpoint import parse_checkpoint_text
from sopro_protocol.errors import SoproError
from sopro_protocol.note import MAX_NOTE, parse_note
from sopro_protocol.policy import MAX_POLICY, Witnessed, open_witnessed, parse_policy


@click.group()
def policy() -> None:
    """The witness policy, for others' tools and without a node."""


@policy.command("export")
@click.argument("folder", type=FOLDER)
def policy_export(folder: Path) -> None:
    """Print the witness policy with its logs and keys, as c2sp tlog-policy."""
    show_lines(ask(folder, "export_policy")["content"])


@policy.command("check")
@click.argument("note", type=FILE)
@click.option("--policy", "file", type=FILE, required=True, help="as 'sopro policy export' writes")
@click.option("--json", "as_json", is_flag=True)
def policy_check(note: Path, file: Path, *, as_json: bool) -> None:
    """Say offline whether a checkpoint carries the quorum of a policy, and since when."""
    try:
        known = parse_policy(
            read_file(file, limit=MAX_POLICY, hint="'sopro policy export' writes one")
        )
        data = read_file(note, limit=MAX_NOTE, hint="a node serves one at /log/SITE/1/checkpoint")
        origin = parse_checkpoint_text(parse_note(data).text).origin
        head, witnessed = open_witnessed(data, origin=origin, policy=known)
    except SoproError as error:
        fail(error)
    if as_json:
        show_json({"origin": origin, "size": head.size, "root": head.root, **_told(witnessed)})
        return
    show(f"{origin} at size {head.size} is witnessed by {', '.join(sorted(witnessed.times))}")
    if witnessed.median is not None and witnessed.earliest is not None:
        show(f"  earliest at {_moment(witnessed.earliest)}, median {_moment(witnessed.median)}")


def _told(witnessed: Witnessed) -> dict[str, object]:
    return {
        "witnesses": dict(sorted(witnessed.times.items())),
        "earliest": witnessed.earliest,
        "median": witnessed.median,
    }


def _moment(seconds: int) -> str:
    try:
        return clock.format_time(seconds * 1000)
    except (ValueError, OverflowError):
        return f"{seconds} s"


COMMANDS = (policy,)


def tell_gone_witnesses(sites: Sequence[str]) -> str:
    """Say that a policy names sites that are no members any more."""
    return (
        f"the policy names {', '.join(sites)}, no member any more, so that its cosignatures do not "
        "count; the coordinator names others with: sopro members witnesses DIRECTORY --site SITE"
    )
