"""What is registered already, as it is from now on: `organisation change`, `offering change`."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import rich_click as click

from sopro_cli.acting import act, do
from sopro_cli.office import Call
from sopro_cli.options import ACTIVITY, CPV, DAY, FOLDER, GTIN, NUTS, as_bytes, as_pairs, as_reasons
from sopro_cli.output import show_entity
from sopro_cli.register import (
    ACTORS,
    KINDS,
    SCALES,
    as_codes,
    check_holder,
    offering,
)
from sopro_node.identifying import OVERRIDES
from sopro_protocol.errors import NotFoundError

Command = Callable[..., Any]

_HOLDER_STATUS: Final = ("active", "inactive", "dissolved", "moved_to_site")
_OFFERING_STATUS: Final = ("draft", "published", "paused", "withdrawn")
_OF_A_HOLDER: Final = (
    "activities",
    "codes",
    "description",
    "identifiers",
    "locality",
    "nuts",
    "postal_code",
    "source_key",
    "street",
    "website",
)
_OF_AN_OFFERING: Final = ("codes", "cpv", "description", "effect_scale", "gtin")
_EFFECTIVE: Final = click.option(
    "--effective", default=None, callback=DAY, help="civil date; today if not given"
)


def _dropping(names: Sequence[str]) -> Callable[[Command], Command]:
    """Give a command the option that says what is no more."""
    return click.option(
        *("--drop", "dropped"),
        multiple=True,
        type=click.Choice(names),
        help="what is no more, repeatable",
    )


@click.command("change")
@click.argument("folder", type=FOLDER)
@click.argument("entity")
@click.option("--legal-name", default=None)
@click.option("--country", default=None, help="ISO 3166-1 alpha-2 of its seat, for example AT")
@click.option("--actor-type", type=click.Choice(ACTORS), default=None)
@click.option("--status", type=click.Choice(_HOLDER_STATUS), default=None)
@click.option(
    *("--identifier", "identifiers"), multiple=True, help="SCHEME=VALUE; all it has, repeatable"
)
@click.option(
    *("--identifier-reason", "reasons"),
    multiple=True,
    help="SCHEME=VALUE=REASON: why an identifier that fails its check is right, repeatable",
)
@click.option("--street", default=None)
@click.option("--postal-code", default=None)
@click.option("--locality", default=None)
@click.option("--website", default=None)
@click.option("--description", "descriptions", multiple=True, help="LANGUAGE=TEXT, repeatable")
@click.option("--source-key", default=None, help="its key in the register it comes from")
@click.option("--nuts", default=None, callback=NUTS, help="NUTS code of its seat")
@click.option(
    *("--activity", "activities"),
    multiple=True,
    callback=ACTIVITY,
    help="NACE code as 2.1:38.21; all it has, repeatable",
)
@click.option("--code", "codes", multiple=True, help="LIST/VERSION=CODE; all it has, repeatable")
@_dropping(_OF_A_HOLDER)
@_EFFECTIVE
@click.option("--json", "as_json", is_flag=True)
def organisation_change(  # one for each option
    folder: Path,
    entity: str,
    identifiers: tuple[str, ...],
    reasons: tuple[str, ...],
    descriptions: tuple[str, ...],
    activities: tuple[str, ...],
    codes: tuple[str, ...],
    dropped: tuple[str, ...],
    effective: str | None,
    *,
    as_json: bool,
    **stated: str | None,
) -> None:
    """Say what has changed about an organisation; what is not given stays as it is.

    ENTITY is what 'organisation add' printed. What was said before stays in the log.

    ```
    sopro organisation change at ENTITY --street "Hauptplatz 1" --locality Linz --nuts AT312
    sopro organisation change at ENTITY --status dissolved --effective 2026-11-30
    sopro organisation change at ENTITY --drop website
    ```
    """
    check_holder(stated["legal_name"], stated["country"])
    told = {
        **stated,
        OVERRIDES: as_reasons(reasons),
        "activities": list(activities),
        "codes": as_codes(codes),
        "description": dict(as_pairs(descriptions, "LANGUAGE=TEXT")),
        "identifiers": as_pairs(identifiers, "SCHEME=VALUE"),
    }
    which = as_bytes(entity, "ENTITY")
    change = _Change("organisation", which, told, dropped, effective)
    show_entity(do(folder, change.make), as_json=as_json)


@offering.command("change")
@click.argument("folder", type=FOLDER)
@click.argument("entity")
@click.option("--name", "names", multiple=True, help="LANGUAGE=TEXT; all it has, repeatable")
@click.option("--description", "descriptions", multiple=True, help="LANGUAGE=TEXT, repeatable")
@click.option("--kind", type=click.Choice(KINDS), default=None)
@click.option("--status", type=click.Choice(_OFFERING_STATUS), default=None)
@click.option("--cpv", multiple=True, callback=CPV, help="procurement code; all, repeatable")
@click.option("--code", "codes", multiple=True, help="LIST/VERSION=CODE; all it has, repeatable")
@click.option(
    "--effect-scale", type=click.Choice(SCALES), default=None, help="how far its effect reaches"
)
@click.option("--gtin", default=None, callback=GTIN, help="trade item number")
@click.option("--gtin-reason", default=None, help="why one that fails its check is right")
@click.option(
    "--application",
    default=None,
    help="by which another number is asked for, where a label was asked for already",
)
@_dropping(_OF_AN_OFFERING)
@_EFFECTIVE
@click.option("--json", "as_json", is_flag=True)
def offering_change(  # one for each option
    folder: Path,
    entity: str,
    names: tuple[str, ...],
    descriptions: tuple[str, ...],
    cpv: tuple[str, ...],
    codes: tuple[str, ...],
    dropped: tuple[str, ...],
    effective: str | None,
    *,
    as_json: bool,
    **stated: str | None,
) -> None:
    """Say what has changed about a product or service; what is not given stays as it is.

    ENTITY is what 'offering add' printed. Whose it is never changes. Once a label was asked for,
    its trade item number changes by an application that is accepted and not evaluated yet.

    ```
    sopro offering change at ENTITY --name de=Sessel --name en=Armchair --cpv 39112000
    sopro offering change at ENTITY --status withdrawn
    ```
    """
    told = {
        **stated,
        "codes": as_codes(codes),
        "cpv": list(cpv),
        "description": dict(as_pairs(descriptions, "LANGUAGE=TEXT")),
        "name": dict(as_pairs(names, "LANGUAGE=TEXT")),
    }
    change = _Change("offering", as_bytes(entity, "ENTITY"), told, dropped, effective)
    show_entity(do(folder, change.make), as_json=as_json)


class _Change:
    """What is said of something that is registered; the rest stays as the last record has it."""

    def __init__(
        self,
        family: str,
        entity: bytes,
        told: Mapping[str, Any],
        dropped: Sequence[str],
        effective: str | None,
    ) -> None:
        self._family = family
        self._entity = entity
        self._told = {name: value for name, value in told.items() if value not in (None, [], {})}
        self._dropped = dropped
        self._effective = effective
        if both := sorted(set(dropped) & set(self._told)):
            raise click.UsageError(f"{both[0]} is given and dropped; leave one of the two out")
        if not (self._told or dropped):
            raise click.UsageError("say what has changed; --help lists what can")

    async def make(self, office: Call) -> Mapping[str, Any]:
        """Have the node record it, on top of what was seen here.

        Raises:
            NotFoundError: this site's log has no such thing.
        """
        [row] = (await office("entities", {"entities": [self._entity]}))["rows"]
        if row is None or row["family"] != self._family:
            raise NotFoundError(f"this site has no {self._family} {self._entity.hex()}")
        held = {**row["fields"], **row["body"]}
        held.pop("application", None)  # said of the last change, not of this one
        if self._family == "offering" and OVERRIDES in held:
            [[_, _, held["gtin_reason"]], *_] = held.pop(OVERRIDES)
        told = {
            **{name: value for name, value in held.items() if name not in self._dropped},
            **self._told,
            "effective_date": self._effective,
            "prev": row["head"],
        }
        return await act(office, f"{self._family}.change", told, entity=self._entity)


COMMANDS = (offering,)
