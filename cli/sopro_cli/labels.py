"""Labels: `sopro label show`, `sopro label list`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import rich_click as click

from sopro_cli.filed import tell_records
from sopro_cli.office import ask, reach, run
from sopro_cli.options import DAY, NUMBER, SITE, here
from sopro_cli.output import remark, show, show_json

LAPSING: Final = ("active", "suspended", "expired")
"""Where the end of validity still matters."""


OVERLAYS: Final[Mapping[str, str]] = {
    "surveillance_overdue": "surveillance overdue: no independent evaluation in the scheme's time",
    "suspension_overdue": "suspension overdue: its end has passed, nothing was decided since",
    "criteria_outdated": "criteria outdated: it was last given by a version that is over",
    "under_appeal": "under appeal: one against a decision on it is not decided yet",
    "appeal_upheld": "appeal upheld: one against a decision on it was, and no decision followed",
    "complaint_upheld": "complaint upheld: one about it was, and no decision followed",
    "orphaned": "orphaned: its site is gone, and nobody has taken it over in time",
    "nonconformity_open": "non-conformity open: a third party found a major one that still is",
    "recorded_late": "recorded late: what it rests on was written down long after it held",
}
"""What lies over a status, for people."""
_GONE: Final = {"left": "no member any more", "expelled": "expelled"}


@click.group()
def label() -> None:
    """Labels as this node knows them."""


@label.command("show")
@click.argument("number", callback=NUMBER)
@here
@click.option("--at", default=None, callback=DAY, help="civil date; today if not given")
@click.option("--json", "as_json", is_flag=True)
def label_show(number: str, folder: Path, at: str | None, *, as_json: bool) -> None:
    """Say how a label stands, on a day, with its history."""
    answer = ask(folder, "label", number=number, at=at)
    if as_json:
        show_json(answer)
        return
    ends = answer["valid_until"] if answer["status"] in LAPSING else None
    until = f", valid until {ends}" if ends else ""
    show(f"{answer['number']}: {answer['status']} on {answer['at']}{until}")
    if described := describe_label(answer["describes"]):
        show(f"  {described}")
    if scope := answer["scope"]:
        show(f"  holds for {_say_scope(scope)}")
    if not_known := say_on_record(answer["on_record_since"], answer["at"]):
        show(f"  {not_known}")
    for overlay in answer["overlays"]:
        show(f"  {OVERLAYS.get(overlay, overlay)}")
    if answer["caretaker"]:
        named = "" if answer["successor"] else ", as no site has been named to take it over"
        show(
            f"  {answer['site']} is {_GONE[answer['membership']]}; "
            f"{answer['caretaker']} looks after it{named}"
        )
    for finding in answer["findings"]:
        show(f"  beware: {finding['message']}")
    has_moved = len({one["site"] for one in answer["history"]}) > 1
    for one in answer["history"]:
        by = f", by {one['site']}" if has_moved else ""
        why = f", {one['reason']}" if one.get("reason") else ""
        day = one["effective_date"] or "date unknown"
        show(f"  {day}  {one['action']} -> {one['status']}{by}{why}")
    for step in answer["transfers"]:
        show(f"  {say_transfer(step)}")
    for basis in answer["computed_from"]:
        remark(f"computed from {basis['origin']} at size {basis['size']}, root {basis['root']}")
        if basis.get("two_histories"):
            remark(
                f"beware: {basis['origin']} has two histories that exclude one another; "
                "'sopro evidence list' says which heads"
            )
    come = [stage for stage, is_reached in answer["publication"].items() if is_reached]
    remark(f"its last decision is {', '.join(come)}")


@label.command("evaluations")
@click.argument("number", callback=NUMBER)
@here
@click.option("--json", "as_json", is_flag=True)
def label_evaluations(number: str, folder: Path, *, as_json: bool) -> None:
    """List the evaluations of a label of this site with what was filed with each.

    They are named as 'evaluate --again' does.

    ```
    sopro label evaluations SOPRO/AT0/001/00001 --dir at
    ```
    """

    async def work() -> Mapping[str, Any]:
        async with reach(folder) as office:
            found = await office("label_at", {"number": number})
            entities = [one["entity"] for one in found["evaluations"]]
            return {**found, **await office("documents", {"entities": entities})}

    found = run(work())
    if as_json:
        show_json(found)
        return
    for one in found["evaluations"]:
        about = f"application {one['application'].hex()}" if one["application"] else "the label"
        show(
            f"{one['entity'].hex()}  {one['performed_on']}  {one['kind']}  {one['level']}  "
            f"of {about}"
        )
        tell_records(folder, [r for r in found["records"] if r["entity"] == one["entity"]])
    if not found["evaluations"]:
        remark(f"nobody has evaluated {number} since it was granted")


def say_on_record(since: str | None, day: str) -> str:
    """Say since when what holds on a day is on record; nothing where it was known by then."""
    if not since or since <= day:
        return ""
    return f"on record only since {since}: nobody could know it on {day}"


def _say_scope(scope: Mapping[str, Any]) -> str:
    named = [
        f"{name} {', '.join(scope[field])}"
        for name, field in (("areas", "areas"), ("procurement codes", "cpv"))
        if scope[field]
    ]
    return " and ".join(named) or "the whole offering"


def say_transfer(step: Mapping[str, Any]) -> str:
    """Say one step of a label from site to site, or what is missing of it, for people."""
    giver, taker, day = step["from_site"], step["to_site"], step["effective_date"]
    match step["state"]:
        case "offered":
            return f"handed over by {giver} to {taker}, which has not taken it over yet"
        case "unconfirmed":
            return (
                f"{taker} says that it took it over from {giver}; that is not confirmed and counts "
                f"for nothing: {step['problem']}"
            )
        case _ if giver == taker:
            return f"{taker} decides on it in another log since {day}; the one before was closed"
        case _ if step["is_succession"]:
            return f"{taker} decides on it since {day}, as the successor of {giver}, which has gone"
        case _:
            return f"{taker} decides on it since {day}, as {giver} handed it over"


@label.command("list")
@here
@click.option(
    "--site", default=None, callback=SITE, help="code; all that this node knows if not given"
)
@click.option("--at", default=None, callback=DAY, help="civil date; today if not given")
@click.option("--json", "as_json", is_flag=True)
def label_list(folder: Path, site: str | None, at: str | None, *, as_json: bool) -> None:
    """List labels by number."""
    found = run(_list_all(folder, site, at))
    if as_json:
        show_json(found)
        return
    for one in found:
        until = (one["valid_until"] if one["status"] in LAPSING else None) or ""
        show(f"{one['number']}  {one['status']:11} {until:10}  {describe_label(one['describes'])}")


async def _list_all(folder: Path, site: str | None, at: str | None) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    async with reach(folder) as office:
        while True:
            after = found[-1]["number"] if found else ""
            page = (await office("labels", {"site": site, "at": at, "after": after}))["labels"]
            if not page:
                return found
            found += page


def describe_label(described: Mapping[str, Any]) -> str:
    """Say of what a label is, and whose it is, as far as that is known here."""
    names = described["name"]
    name = names.get("en") or next(iter(names.values()), "")
    return ", ".join(part for part in (name, described["holder"], described["place"]) if part)


COMMANDS = (label,)
