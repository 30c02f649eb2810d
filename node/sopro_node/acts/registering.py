"""Organisations and offerings: what names them goes into a public document, not into the log."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from sopro_node.acts.act import Act, Asking, Hex16, Text, Told, named_document, pick, read_hex
from sopro_node.countries import is_country
from sopro_node.drafting import Draft
from sopro_node.identifying import OVERRIDES
from sopro_node.officer_roles import OfficerRole
from sopro_node.public_names import check_website
from sopro_protocol.errors import FormatError
from sopro_registry.families.offering import Scale
from sopro_registry.families.organisation import ActorType
from sopro_registry.fields import (
    ActivityCode,
    CivilDate,
    Code,
    Codes,
    CountryCode,
    LanguageTag,
    Line,
    NutsCode,
)

Overrides = Annotated[list[tuple[Code, Line, Line]], Meta(max_length=32)]
Words = Annotated[dict[LanguageTag, Text], Meta(max_length=40)]
_BODY = ("actor_type", "activities", "codes", "country", "effective_date", "nuts", "status")
_OFFERED = ("codes", "cpv", "effect_scale", "effective_date", "gtin", "kind", "status")


class Organisation(Told, frozen=True, kw_only=True):
    """An organisation that holds or seeks a label, as it is from now on.

    Attributes:
        legal_name: as its register has it.
        description: by language.
        website: its address.
        country: ISO 3166-1 alpha-2 of its seat.
        actor_type: its part in the economy of social and ecological value.
        identifiers: pairs of scheme and value.
        identifier_overrides: scheme, value and reason of each that fails its check and is right.
        activities: NACE codes with their revision, for example `2.1:38.21`.
        codes: of any list that the coordinator has published.
        nuts: NUTS code of its seat.
        effective_date: civil date; today if not given.
        status: whether it is still there.
    """

    legal_name: Line
    description: Words = msgspec.field(default_factory=dict)
    country: CountryCode
    actor_type: ActorType = "enterprise"
    identifiers: Annotated[list[tuple[Code, Line]], Meta(max_length=32)] = msgspec.field(
        default_factory=list
    )
    identifier_overrides: Overrides = msgspec.field(default_factory=list)
    street: Line | UnsetType = UNSET
    postal_code: Line | UnsetType = UNSET
    locality: Line | UnsetType = UNSET
    source_key: Line | UnsetType = UNSET
    website: Line | UnsetType = UNSET
    activities: Annotated[list[ActivityCode], Meta(max_length=32)] = msgspec.field(
        default_factory=list
    )
    codes: Codes | UnsetType = UNSET
    nuts: NutsCode | UnsetType = UNSET
    effective_date: CivilDate | UnsetType = UNSET
    status: Literal["active", "inactive", "dissolved", "moved_to_site"] = "active"


class Offering(Told, frozen=True, kw_only=True):
    """A product or service of an organisation, as it is from now on.

    Attributes:
        organisation: entity of who offers it.
        name: by language.
        description: by language.
        kind: what is offered.
        codes: of any list that the coordinator has published.
        cpv: procurement codes.
        effect_scale: how far its social and ecological effect reaches.
        gtin: trade item number.
        gtin_reason: why one that fails its check is right.
        application: entity of the one by which another trade item number is asked for, where a
            label was asked for already; it is accepted and not evaluated yet.
        effective_date: civil date; today if not given.
        status: whether it is offered.
    """

    organisation: Hex16
    name: Annotated[dict[LanguageTag, Line], Meta(min_length=1, max_length=40)]
    description: Words = msgspec.field(default_factory=dict)
    kind: Literal["product", "service", "production_step", "material_recovery"] = "product"
    codes: Codes | UnsetType = UNSET
    cpv: Annotated[list[Code], Meta(max_length=32)] = msgspec.field(default_factory=list)
    effect_scale: Scale | UnsetType = UNSET
    gtin: Code | UnsetType = UNSET
    gtin_reason: Line | UnsetType = UNSET
    application: Hex16 | UnsetType = UNSET
    effective_date: CivilDate | UnsetType = UNSET
    status: Literal["draft", "published", "paused", "withdrawn"] = "published"


async def plan_organisation(asking: Asking[Organisation]) -> Draft:
    """Draft an organisation, new or changed.

    Raises:
        FormatError: no country has that code, or the website is no address of one.
    """
    told = asking.told
    if not is_country(told.country):
        raise FormatError(f"country: no country has the code {told.country!r}", code="ofc.body")
    if told.website is not UNSET:
        check_website(told.website)
    values = pick(told, _BODY) | {"effective_date": told.effective_date or asking.today}
    names = (OVERRIDES, "description", "identifiers", "legal_name", "locality", "postal_code",
             "source_key", "street", "website")  # fmt: skip
    document = named_document("organisation", pick(told, names))
    return asking.draft("organisation", values, entity=asking.entity, document=document)


async def plan_offering(asking: Asking[Offering]) -> Draft:
    """Draft an offering, new or changed."""
    told = asking.told
    values = pick(told, _OFFERED) | {
        "effective_date": told.effective_date or asking.today,
        "organisation": read_hex(told.organisation),
    }
    if told.application is not UNSET:
        values["application"] = read_hex(told.application)
    fields = pick(told, ("description", "name"))
    if told.gtin and told.gtin_reason:
        fields[OVERRIDES] = [["GTIN", told.gtin, told.gtin_reason]]
    document = named_document("offering", fields)
    return asking.draft("offering", values, entity=asking.entity, document=document)


_REGISTRAR = (OfficerRole.REGISTRAR,)
ACTS = (
    Act(
        "organisation.add",
        "POST",
        "/organisations",
        _REGISTRAR,
        Organisation,
        plan_organisation,
        "Add an organisation.",
    ),
    Act(
        "organisation.change",
        "PUT",
        "/organisations/{entity}",
        _REGISTRAR,
        Organisation,
        plan_organisation,
        "Say what an organisation is from now on; what is not given is no more.",
    ),
    Act(
        "offering.add",
        "POST",
        "/offerings",
        _REGISTRAR,
        Offering,
        plan_offering,
        "Add a product or service of an organisation.",
    ),
    Act(
        "offering.change",
        "PUT",
        "/offerings/{entity}",
        _REGISTRAR,
        Offering,
        plan_offering,
        "Say what an offering is from now on; what is not given is no more.",
    ),
)
