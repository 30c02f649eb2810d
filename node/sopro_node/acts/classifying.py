"""Lists of codes, as the coordinator publishes them."""

import hashlib
from typing import Annotated, Final

from msgspec import UNSET, Meta, UnsetType

from sopro_node.acts.act import Act, Asking, Text, Told, given
from sopro_node.codelist_files import parse_codelist
from sopro_node.documents import NewDocument
from sopro_node.drafting import Draft
from sopro_node.heldlog import OWN
from sopro_node.memberships import must_coordinate
from sopro_node.officer_roles import OfficerRole
from sopro_protocol.commitment import STRUCTURED
from sopro_protocol.errors import FormatError
from sopro_registry.codelists import format_list
from sopro_registry.families import codelist
from sopro_registry.fields import CivilDate, Code, LanguageTag, Line, Url
from sopro_registry.fields import Text as Title

Meanings = dict[LanguageTag, Text]

_FILE: Final = "codes"
_MOST: Final = 100_000


class CodeList(Told, frozen=True, kw_only=True):
    """A version of a list of codes; `codes`, or a file named `codes` among the documents.

    Attributes:
        list: its code.
        version: as its publisher calls it.
        valid_from: civil date; today if not given.
        codes: what each means, by language.
        title: by language.
        licence: under which it may be used.
        uri: where it comes from.
    """

    list: Code
    version: Code
    valid_from: CivilDate | UnsetType = UNSET
    codes: Annotated[dict[Code, Meanings], Meta(min_length=1, max_length=_MOST)] | UnsetType = UNSET
    title: Title | UnsetType = UNSET
    licence: Line | UnsetType = UNSET
    uri: Url | UnsetType = UNSET


async def plan_codelist(asking: Asking[CodeList]) -> Draft:
    """Draft a version of a list; its codes come as such, or as the CSV 'codelist import' reads.

    Raises:
        FormatError: there are no codes, there are two lists, or one does not fit.
        RefusedError: this node is not the coordinator.
    """
    must_coordinate(asking.node)
    told = asking.told
    files = [file for file in asking.files if file.name == _FILE]
    if len(files) + (told.codes is not UNSET) != 1:
        raise FormatError(
            f"codelist: expected 'codes', or one document named {_FILE!r} with the CSV, got "
            f"{len(files)} documents of that name{'' if told.codes is UNSET else ' and codes'}",
            code="ofc.body",
        )
    codes = parse_codelist(files[0].content, where=_FILE) if files else told.codes
    content = format_list(codes or {})
    values = {
        "digest": hashlib.sha256(content).digest(),
        "licence": told.licence,
        "list": told.list,
        "size": len(codes or {}),
        "title": told.title,
        "uri": told.uri,
        "valid_from": told.valid_from or asking.today,
        "version": told.version,
    }
    entity = asking.node.reader.named(OWN, codelist.FAMILY.name, told.list)
    document = NewDocument(codelist.DOCUMENT, content, type=STRUCTURED)
    return asking.draft(codelist.FAMILY.name, given(values), entity=entity, document=document)


ACTS = (
    Act(
        "codelist.publish", "POST", "/codelists", (OfficerRole.ADMINISTRATOR,),
        CodeList, plan_codelist,
        "Publish a version of a list of codes, at the coordinator.",
    ),
)  # fmt: skip
