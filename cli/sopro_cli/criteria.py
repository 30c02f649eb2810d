"""What labels are judged by: `sopro criteria`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import rich_click as click

from sopro_cli.office import ask
from sopro_cli.options import CODE, FILE, FOLDER, here
from sopro_cli.output import fail, remark, show, show_json
from sopro_node.criteria import describe_gaps, read_criteria
from sopro_protocol.errors import SoproError


@click.group()
def criteria() -> None:
    """Schemes and criteria, as the coordinator publishes them."""


@criteria.command("publish")
@click.argument("folder", type=FOLDER)
@click.argument("file", type=FILE)
@click.option("--json", "as_json", is_flag=True)
def criteria_publish(folder: Path, file: Path, *, as_json: bool) -> None:
    """Publish the schemes and criteria of a TOML file in the coordinator's log.

    ```
    sopro criteria publish eeig criteria.toml
    ```

    The file has tables `[[scheme]]`, `[[criterion]]` and `[[criteria_set]]`; a criterion or a set
    that is there already is published as its next version.
    """
    try:
        published = read_criteria(file)
    except SoproError as error:
        fail(error)
    done = ask(folder, "publish_criteria", **published)["published"]
    for gap in describe_gaps({**published, "schemes": []}):
        remark(gap)
    if as_json:
        show_json(done)
        return
    for one in done:
        show(f"{one['family']} {one['name']}: entry {one['index']}")


@criteria.command("list")
@here
@click.option("--json", "as_json", is_flag=True)
def criteria_list(folder: Path, *, as_json: bool) -> None:
    """List schemes, and the version of the criteria that each is judged by.

    ```
    sopro criteria list --dir at
    ```
    """
    found = ask(folder, "criteria")["schemes"]
    if as_json:
        show_json(found)
        return
    for one in found:
        version = (
            f"criteria version {one['criteria_version']} from {one['applies_from']}"
            if one["criteria_version"]
            else "no criteria yet"
        )
        show(f"{one['scheme']}  {one['status']}  {version}  {_in_any(one['title'])}")


@criteria.command("show")
@click.argument("scheme", callback=CODE)
@click.argument("code", required=False, callback=CODE)
@here
@click.option("--version", type=click.IntRange(1), default=None, help="of the criteria; the latest")
@click.option("--json", "as_json", is_flag=True)
def criteria_show(
    scheme: str, code: str | None, folder: Path, version: int | None, *, as_json: bool
) -> None:
    """Show the criteria of a SCHEME as they hold at this site, or the one of a CODE.

    ```
    sopro criteria show sopro --dir at
    sopro criteria show sopro S1 --dir at --json
    ```
    """
    [found] = ask(folder, "criteria", scheme=scheme, version=version)["schemes"]
    listed = [one for one in found["criteria"] if code in (None, one["code"])]
    if code is not None and not listed:
        known = ", ".join(one["code"] for one in found["criteria"]) or "none"
        raise click.BadParameter(f"scheme {scheme} has no criterion {code}; known: {known}")
    if as_json:
        show_json(found | {"criteria": listed})
        return
    for one in listed:
        kind = f"up to {one['points']} points" if "points" in one else one["obligation"]
        apart = "" if one["is_needed"] else "  (not in this version)"
        show(f"{one['code']}  version {one['version']}  {kind}  {_in_any(one['title'])}{apart}")
        if code is not None:
            _show_words(one)


def _show_words(one: Mapping[str, Any]) -> None:
    """Show what a criterion asks for, in every language, and how that is found out."""
    for tag, text in sorted(one.get("text", {}).items()):
        show(f"  {tag}: {text}")
    if ways := one.get("verification"):
        show(f"  verified by: {', '.join(ways)}")


def _in_any(title: Mapping[str, Any]) -> str:
    return str(title.get("en") or next(iter(title.values())))


COMMANDS = (criteria,)
