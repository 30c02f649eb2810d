"""The register by hand: `sopro organisation add`, `sopro offering add`."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import rich_click as click
from babel import Locale

from sopro_cli.office import Call, reach, run
from sopro_cli.options import ACTIVITY, CPV, DAY, FOLDER, GTIN, NUTS, as_bytes, as_pairs, as_reasons
from sopro_cli.output import show, show_json
from sopro_node.calling import read_error
from sopro_node.documents import structured
from sopro_node.identifying import OVERRIDES
from sopro_protocol.encoding import Value
from sopro_registry.families import offering as offerings
from sopro_registry.families import organisation as organisations

_ACTORS = get_args(organisations.ActorType)
_KINDS = ("product", "service", "production_step", "material_recovery")


@click.group()
def organisation() -> None:
    """Organisations that hold or seek a label."""


@organisation.command("add")
@click.argument("folder", type=FOLDER)
@click.option("--legal-name", required=True)
@click.option("--country", required=True, help="ISO 3166-1 alpha-2 of its seat, for example AT")
@click.option("--actor-type", type=click.Choice(_ACTORS), default="enterprise", show_default=True)
@click.option("--identifier", "identifiers", multiple=True, help="SCHEME=VALUE, repeatable")
@click.option(
    *("--identifier-reason", "reasons"),
    multiple=True,
    help="SCHEME=VALUE=REASON: why an identifier that fails its check is right, repeatable",
)
@click.option("--street", default="")
@click.option("--postal-code", default="")
@click.option("--locality", default="")
@click.option("--source-key", default="", help="its key in the register it comes from")
@click.option("--nuts", default=None, callback=NUTS, help="NUTS code of its seat")
@click.option(
    *("--activity", "activities"),
    multiple=True,
    callback=ACTIVITY,
    help="NACE code as 2.1:38.21, repeatable",
)
@click.option("--code", "codes", multiple=True, help="LIST/VERSION=CODE, repeatable")
@click.option("--effective", default=None, callback=DAY, help="civil date; today if not given")
@click.option("--json", "as_json", is_flag=True)
def organisation_add(  # one for each option
    folder: Path,
    legal_name: str,
    country: str,
    actor_type: str,
    identifiers: tuple[str, ...],
    reasons: tuple[str, ...],
    street: str,
    postal_code: str,
    locality: str,
    source_key: str,
    nuts: str | None,
    activities: tuple[str, ...],
    codes: tuple[str, ...],
    effective: str | None,
    *,
    as_json: bool,
) -> None:
    """Add an organisation; what names it goes into a public document, not into the log."""
    if not legal_name.strip():
        raise click.BadParameter("an organisation has a name", param_hint="--legal-name")
    if len(country) != 2 or country not in Locale("en").territories:
        raise click.BadParameter(f"no country has the code {country!r}", param_hint="--country")
    named: dict[str, Value] = {
        OVERRIDES: as_reasons(reasons),
        "identifiers": [list(pair) for pair in as_pairs(identifiers, "SCHEME=VALUE")],
        "legal_name": legal_name,
        "locality": locality,
        "postal_code": postal_code,
        "source_key": source_key,
        "street": street,
    }
    values = {
        "activities": list(activities),
        "actor_type": actor_type,
        "codes": _as_codes(codes),
        "country": country,
        "effective_date": effective,
        "nuts": nuts,
        "status": "active",
    }
    _add(folder, organisations.FAMILY.name, values, named, as_json=as_json)


@click.group()
def offering() -> None:
    """Products and services."""


@offering.command("add")
@click.argument("folder", type=FOLDER)
@click.option("--organisation", "owner", required=True, help="as 'organisation add' printed it")
@click.option("--name", "names", multiple=True, required=True, help="LANGUAGE=TEXT, repeatable")
@click.option("--description", "descriptions", multiple=True, help="LANGUAGE=TEXT, repeatable")
@click.option("--kind", type=click.Choice(_KINDS), default="product", show_default=True)
@click.option("--cpv", multiple=True, callback=CPV, help="procurement code, repeatable")
@click.option("--code", "codes", multiple=True, help="LIST/VERSION=CODE, repeatable")
@click.option("--gtin", default=None, callback=GTIN, help="trade item number")
@click.option("--gtin-reason", default="", help="why one that fails its check is right")
@click.option("--effective", default=None, callback=DAY, help="civil date; today if not given")
@click.option("--json", "as_json", is_flag=True)
def offering_add(  # one for each option
    folder: Path,
    owner: str,
    names: tuple[str, ...],
    descriptions: tuple[str, ...],
    kind: str,
    cpv: tuple[str, ...],
    codes: tuple[str, ...],
    gtin: str | None,
    gtin_reason: str,
    effective: str | None,
    *,
    as_json: bool,
) -> None:
    """Add a product or service of an organisation; it can then be granted a label."""
    named: dict[str, Value] = {
        OVERRIDES: [["GTIN", gtin, gtin_reason]] if gtin and gtin_reason else [],
        "description": dict(as_pairs(descriptions, "LANGUAGE=TEXT")),
        "name": dict(as_pairs(names, "LANGUAGE=TEXT")),
    }
    values = {
        "codes": _as_codes(codes),
        "cpv": list(cpv),
        "effective_date": effective,
        "gtin": gtin,
        "kind": kind,
        "organisation": as_bytes(owner, "--organisation"),
        "status": "published",
    }
    _add(folder, offerings.FAMILY.name, values, named, as_json=as_json)


def _as_codes(texts: tuple[str, ...]) -> list[dict[str, str]]:
    """Read codes with the version of the list that each is from."""
    form = "LIST/VERSION=CODE, as in social-objective/1.16=et-eq"
    found = []
    for named, code in as_pairs(texts, form):
        name, slash, version = named.partition("/")
        if not (name and slash and version):
            raise click.BadParameter(f"--code: expected {form}, got {named!r}")
        found.append({"code": code, "list": name, "version": version})
    return found


def _add(
    folder: Path,
    family: str,
    values: Mapping[str, Any],
    named: Mapping[str, Value],
    *,
    as_json: bool,
) -> None:
    fields = {name: value for name, value in named.items() if value not in ("", [], {})}

    async def work() -> Mapping[str, Any]:
        document = dataclasses.asdict(structured(family, fields))
        async with reach(folder) as office:
            today = (await office("identity", {}))["today"]
            given = {name: value for name, value in values.items() if value not in (None, [])}
            body = {**given, "effective_date": values["effective_date"] or today}
            return await append_one(
                office, {"family": family, "values": body, "documents": [document]}
            )

    outcome = run(work())
    entity = outcome["entity"].hex()
    if as_json:
        show_json({"entity": entity, "index": outcome["index"]})
    else:
        show(entity)


async def append_one(office: Call, draft: Mapping[str, Any]) -> Mapping[str, Any]:
    """Append one draft and return its outcome.

    Raises:
        SoproError: why it was not appended.
    """
    [outcome] = (await office("append", {"drafts": [draft]}))["outcomes"]
    if "kind" in outcome:
        raise read_error(outcome)
    return dict(outcome)


COMMANDS = (offering,)
