"""The register by hand: `sopro organisation add`, `sopro offering add`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import rich_click as click

from sopro_cli.acting import act, do
from sopro_cli.options import ACTIVITY, CPV, DAY, FOLDER, GTIN, NUTS, as_bytes, as_pairs, as_reasons
from sopro_cli.output import show, show_json
from sopro_node.countries import is_country
from sopro_node.identifying import OVERRIDES
from sopro_registry.families import organisation as organisations
from sopro_registry.families.offering import Scale

ACTORS = get_args(organisations.ActorType)
SCALES = get_args(Scale)
KINDS = ("product", "service", "production_step", "material_recovery")


@click.group()
def organisation() -> None:
    """Organisations that hold or seek a label."""


@organisation.command("add")
@click.argument("folder", type=FOLDER)
@click.option("--legal-name", required=True)
@click.option("--country", required=True, help="ISO 3166-1 alpha-2 of its seat, for example AT")
@click.option("--actor-type", type=click.Choice(ACTORS), default="enterprise", show_default=True)
@click.option("--identifier", "identifiers", multiple=True, help="SCHEME=VALUE, repeatable")
@click.option(
    *("--identifier-reason", "reasons"),
    multiple=True,
    help="SCHEME=VALUE=REASON: why an identifier that fails its check is right, repeatable",
)
@click.option("--street", default="")
@click.option("--postal-code", default="")
@click.option("--locality", default="")
@click.option("--website", default="")
@click.option("--description", "descriptions", multiple=True, help="LANGUAGE=TEXT, repeatable")
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
    website: str,
    descriptions: tuple[str, ...],
    source_key: str,
    nuts: str | None,
    activities: tuple[str, ...],
    codes: tuple[str, ...],
    effective: str | None,
    *,
    as_json: bool,
) -> None:
    """Add an organisation; what names it goes into a public document, not into the log."""
    check_holder(legal_name, country)
    told = {
        OVERRIDES: as_reasons(reasons),
        "activities": activities,
        "actor_type": actor_type,
        "codes": as_codes(codes),
        "country": country,
        "description": dict(as_pairs(descriptions, "LANGUAGE=TEXT")),
        "effective_date": effective,
        "identifiers": as_pairs(identifiers, "SCHEME=VALUE"),
        "legal_name": legal_name,
        "locality": locality,
        "nuts": nuts,
        "postal_code": postal_code,
        "source_key": source_key,
        "street": street,
        "website": website,
    }
    _add(folder, "organisation.add", told, as_json=as_json)


def check_holder(legal_name: str | None, country: str | None) -> None:
    """Hold what is said of an organisation to being a name and a country; None is not said."""
    if legal_name is not None and not legal_name.strip():
        raise click.BadParameter("an organisation has a name", param_hint="--legal-name")
    if country is not None and not is_country(country):
        raise click.BadParameter(f"no country has the code {country!r}", param_hint="--country")


@click.group()
def offering() -> None:
    """Products and services."""


@offering.command("add")
@click.argument("folder", type=FOLDER)
@click.option("--organisation", "owner", required=True, help="as 'organisation add' printed it")
@click.option("--name", "names", multiple=True, required=True, help="LANGUAGE=TEXT, repeatable")
@click.option("--description", "descriptions", multiple=True, help="LANGUAGE=TEXT, repeatable")
@click.option("--kind", type=click.Choice(KINDS), default="product", show_default=True)
@click.option("--cpv", multiple=True, callback=CPV, help="procurement code, repeatable")
@click.option("--code", "codes", multiple=True, help="LIST/VERSION=CODE, repeatable")
@click.option(
    "--effect-scale", type=click.Choice(SCALES), default=None, help="how far its effect reaches"
)
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
    effect_scale: str | None,
    gtin: str | None,
    gtin_reason: str,
    effective: str | None,
    *,
    as_json: bool,
) -> None:
    """Add a product or service of an organisation; it can then be granted a label."""
    told = {
        "codes": as_codes(codes),
        "cpv": cpv,
        "description": dict(as_pairs(descriptions, "LANGUAGE=TEXT")),
        "effect_scale": effect_scale,
        "effective_date": effective,
        "gtin": gtin,
        "gtin_reason": gtin_reason,
        "kind": kind,
        "name": dict(as_pairs(names, "LANGUAGE=TEXT")),
        "organisation": as_bytes(owner, "--organisation"),
    }
    _add(folder, "offering.add", told, as_json=as_json)


def as_codes(texts: tuple[str, ...]) -> list[dict[str, str]]:
    """Read codes with the version of the list that each is from."""
    form = "LIST/VERSION=CODE, as in social-objective/1.16=et-eq"
    found = []
    for named, code in as_pairs(texts, form):
        name, slash, version = named.partition("/")
        if not (name and slash and version):
            raise click.BadParameter(f"--code: expected {form}, got {named!r}")
        found.append({"code": code, "list": name, "version": version})
    return found


def _add(folder: Path, name: str, told: Mapping[str, Any], *, as_json: bool) -> None:
    done = do(folder, lambda office: act(office, name, told))
    entity = done["entity"].hex()
    if as_json:
        show_json({"entity": entity, "index": done["index"]})
    else:
        show(entity)
