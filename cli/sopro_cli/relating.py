"""Relations of organisations: `sopro organisation relate`, `unrelate`, `lineage`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import rich_click as click

from sopro_cli.changing import organisation_change
from sopro_cli.office import ask
from sopro_cli.options import DAY, FOLDER, SITE, as_bytes, here
from sopro_cli.output import remark, show, show_json
from sopro_cli.register import organisation
from sopro_registry.relations import Kind

_WORDS: Final[Mapping[str, str]] = {
    "successor_of": "is the successor of",
    "merged_into": "was merged into",
    "part_of": "is part of",
    "same_as": "is the same as",
}


@organisation.command("relate")
@click.argument("folder", type=FOLDER)
@click.argument("entity")
@click.argument("kind", type=click.Choice([one.value for one in Kind]))
@click.argument("other")
@click.option("--site", default=None, callback=SITE, help="that registered OTHER, if not this one")
@click.option("--since", default=None, callback=DAY, help="civil date; today if not given")
@click.option("--json", "as_json", is_flag=True)
def organisation_relate(
    folder: Path,
    entity: str,
    kind: str,
    other: str,
    site: str | None,
    since: str | None,
    *,
    as_json: bool,
) -> None:
    """State what the organisation ENTITY is to OTHER, for example that it was merged into it.

    Where OTHER is another site's, everybody sees that only this site says so, until that one does.
    """
    answer = ask(
        folder,
        "relate",
        organisation=as_bytes(entity, "ENTITY"),
        kind=kind,
        other=as_bytes(other, "OTHER"),
        site=site,
        since=since,
    )
    _tell(answer, as_json=as_json)


@organisation.command("unrelate")
@click.argument("folder", type=FOLDER)
@click.argument("entity")
@click.argument("other")
@click.option("--site", default=None, callback=SITE, help="that registered OTHER, if not this one")
@click.option("--json", "as_json", is_flag=True)
def organisation_unrelate(
    folder: Path, entity: str, other: str, site: str | None, *, as_json: bool
) -> None:
    """Take back a relation of the organisation ENTITY to OTHER that was stated by mistake."""
    named = {"organisation": as_bytes(entity, "ENTITY"), "other": as_bytes(other, "OTHER")}
    _tell(ask(folder, "unrelate", **named, site=site), as_json=as_json)


def _tell(answer: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(answer)
    else:
        show(f"entry {answer['index']}: {len(answer['relations'])} relations")


@organisation.command("lineage")
@click.argument("entity")
@here
@click.option("--site", default=None, callback=SITE, help="that registered it, if not this one")
@click.option("--at", default=None, callback=DAY, help="civil date; every day if not given")
@click.option("--json", "as_json", is_flag=True)
def organisation_lineage(
    entity: str, folder: Path, site: str | None, at: str | None, *, as_json: bool
) -> None:
    """Follow an organisation through successors and mergers across sites: who it was and is."""
    answer = ask(folder, "lineage", organisation=as_bytes(entity, "ENTITY"), site=site, at=at)
    if as_json:
        show_json(answer)
        return
    for one in answer["members"]:
        name = one["name"] if one["is_known"] else "(not known to this node)"
        status = f"  {one['status']}" if one["status"] else ""
        show(f"{one['site']}  {one['entity'].hex()}{status}  {name}".rstrip())
    for one in answer["statements"]:
        alone = "" if one["is_confirmed"] else f"; only {one['site']} says so"
        show(
            f"  {one['site']} {one['entity'].hex()[:8]} {_WORDS[one['kind']]} "
            f"{one['other_site']} {one['other'].hex()[:8]} since {one['since']}{alone}"
        )
    if answer["is_cut"]:
        remark("more organisations hang together with it than are shown")


organisation.add_command(organisation_change)

COMMANDS = (organisation,)
