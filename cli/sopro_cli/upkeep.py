"""Looking after a node: `sopro status`, `sopro sync`, `sopro reindex`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import rich_click as click

from sopro_cli.evidence import tell_anchors, tell_evidence, tell_succession
from sopro_cli.office import ask
from sopro_cli.options import FOLDER
from sopro_cli.output import fail, remark, show, show_json
from sopro_cli.policies import tell_gone_witnesses
from sopro_cli.progress import progress_bars
from sopro_node.config import load_settings
from sopro_protocol.errors import SoproError


@click.command()
@click.argument("folder", type=FOLDER)
def reindex(folder: Path) -> None:
    """Judge every entry again and rebuild the tables that follow; the node must not be serving."""
    from sopro_node.reindex import reindex as rebuild  # noqa: PLC0415  # loads the database

    try:
        load_settings(folder)
        with progress_bars() as progress:
            rebuilt = rebuild(folder, progress)
    except SoproError as error:
        fail(error)
    for origin, size in rebuilt.items():
        show(f"{origin}: {size} entries judged again")


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("--once", is_flag=True, help="the only way for now; a serving node syncs by itself")
@click.option("--json", "as_json", is_flag=True)
def sync(folder: Path, *, once: bool, as_json: bool) -> None:  # says what happens
    """Pull every followed log once."""
    answer = ask(folder, "sync")["pulled"]
    if as_json:
        show_json(answer)
    failed = [origin for origin, one in answer.items() if "error" in one]
    for origin, one in answer.items():
        if "error" in one:
            remark(f"{origin}: {one['error']}")
        elif not as_json:
            show(f"{origin}: {one['size']} entries, {one['added']} new")
    if failed:
        raise SystemExit(75)


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("--json", "as_json", is_flag=True)
def status(folder: Path, *, as_json: bool) -> None:
    """Say how a node is: its log, its mirrors, what went wrong."""
    answer = ask(folder, "status")
    if as_json:
        show_json(answer)
        return
    show(f"{answer['origin']}  {answer['role']}  membership: {answer['membership']}")
    show(f"own log: {answer['size']} entries, {answer['void']} void, {answer['labels']} labels")
    fence = answer["fence"]
    if fence["state"] != "open":
        show(f"the log takes no records ({fence['state']}): {fence['reason']}")
    for origin in answer["hidden_documents"]:
        show(
            f"{origin}: its documents are shown to nobody, because this directory is from a backup "
            "and nobody has said since which of them were erased; they are shown when its site, or "
            "for this site's own a mirror, and the coordinator's log are heard; of a site that has "
            "left or was expelled, a mirror and all who look after it, or have, take its place"
        )
    if answer["residue"]:
        show(
            "what was erased is dropped, and copies may be left in the free space of the database; "
            "the node that serves writes it anew without them"
        )
    if answer["recovery"]:
        show(describe_recovery(answer["recovery"]))
    _show_publication(answer)
    for one in answer["mirrors"]:
        since = _say_since(one["confirmed_at"], one["lag_seconds"])
        show(
            f"{one['origin']}: {one['size']} entries, {one['witnessed']} witnessed, "
            f"{one['void']} void, {since}"
        )
        if one["problem"]:
            problem = one["problem"]
            show(f"  {one['failures']} failures: {problem['message']} [{problem['code']}]")
    for one in answer["erasures"]:
        late = "OVERDUE" if one["overdue"] else f"due by {one['deadline']}"
        of = f" of {one['origin']}" if one["origin"] else ""
        show(
            f"erasure of document {one['document']} of entry {one['entry']}{of}: {late}, "
            f"not confirmed by {', '.join(one['missing'])}{_say_silent(one['silent'])}"
        )
    for one in answer["keys"]:
        if one["in_force"]:
            show(f"key: {tell_key(one)}")
    if answer["inbox"]:
        waits = "1 act waits" if answer["inbox"] == 1 else f"{answer['inbox']} acts wait"
        show(f"{waits} for this site's people: sopro members inbox {folder}")
    for warning in answer["warnings"]:
        show(f"warning: {warning}")

    tell_evidence(answer["evidence"])
    tell_anchors(answer["anchors"])
    tell_succession(answer["succession"])


def _show_publication(answer: Mapping[str, Any]) -> None:
    """Say how far the own log has come, and how it goes with each witness."""
    come = answer["publication"]
    show(
        f"own log: {come['accepted']} accepted, {come['published']} published, "
        f"{come['witnessed']} witnessed, {come['mirrored']} mirrored"
    )
    policy = answer["witness_policy"]
    if policy is None:
        show("no witness policy: nothing is called witnessed")
        return
    show(f"witnesses: {policy['quorum']} of {', '.join(policy['witnesses'])} must cosign")
    if policy["gone"]:
        show(f"warning: {tell_gone_witnesses(policy['gone'])}")
    if come["unwitnessed_seconds"]:
        show(f"  a head has waited for its quorum for {come['unwitnessed_seconds']} s")
    for one in answer["witnesses"]:
        show(f"  {one['site']}: cosigned {one['cosigned_at'] or 'nothing yet'}")
        if one["problem"]:
            problem = one["problem"]
            show(f"    {one['failures']} failures: {problem['message']} [{problem['code']}]")


def describe_recovery(recovery: Mapping[str, Any]) -> str:
    """Say what a recovery fetched back, and what no mirror had."""
    fetched = (
        f"entries {recovery['start']} to {recovery['end'] - 1} of the log were fetched back from "
        f"other nodes ({recovery['time']})"
    )
    counts = recovery["lost"]["counts"]
    if not counts:
        return f"{fetched}; no document is missing"
    counted = ", ".join(f"{count} for {who}" for who, count in sorted(counts.items()))
    named = ", ".join(
        f"{one['name']} of entry {one['position']}" for one in recovery["lost"]["named"][:10]
    )
    more = ", ..." if sum(counts.values()) > 10 else ""
    return f"{fetched}; documents no other node had ({counted}): {named}{more}"


def tell_key(one: dict[str, Any]) -> str:
    """Describe a key in a line."""
    standing = "in force" if one["in_force"] else "retired"
    until = "" if one["until"] is None else f" to {one['until'] - 1}"
    cut = "" if one["cut"] is None else f", cut off at size {one['cut']}"
    renewal = "" if one["renew_by"] is None else f"  to be replaced by {one['renew_by']}"
    return (
        f"{one['role']:10} {one['id'][:16]}  {standing:8}  from entry {one['since']}{until}{cut}"
        f"  {one['file'] or 'not on this machine'}{renewal}"
    )


def _say_silent(silent: Sequence[str]) -> str:
    """Say of whom nothing shows that they hold what is to be erased."""
    return f" (nothing shows that this log was taken by {', '.join(silent)})" if silent else ""


def _say_since(confirmed_at: str | None, lag_seconds: float | None) -> str:
    """Say since when a mirror is current; a clock that was set back cannot say how long ago."""
    if confirmed_at is None:
        return "never synced"
    return f"current at {confirmed_at}" if lag_seconds is None else f"current {lag_seconds} s ago"


COMMANDS = (reindex, status, sync)
