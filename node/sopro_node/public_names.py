"""Holding names and addresses of this node's own records to what people can read (SPEC OFC-13)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from sopro_node.deciders import show_only
from sopro_node.documents import NewDocument
from sopro_node.structured import read_structured
from sopro_protocol.commitment import STRUCTURED
from sopro_protocol.errors import FormatError

_SHOWN: Final = 60
_SCHEME: Final = re.compile(r"\s*([A-Za-z][A-Za-z0-9+-]*):")


def check_names(family: str, documents: Sequence[NewDocument]) -> None:
    """Check what names an organisation or an offering before its record is signed.

    Raises:
        FormatError: `doc.name`: a name has nothing to be read, or a website opens no page.
    """
    for fields in _structured(documents):
        if family == "organisation":
            if "legal_name" in fields:
                _check_name("legal_name", fields["legal_name"])
            _check_scheme(fields.get("website"))
        elif family == "offering":
            named = fields.get("name")
            for tag, text in named.items() if isinstance(named, Mapping) else ():
                _check_name(f"name in {str(tag)[:_SHOWN]!r}", text)


def check_website(text: str) -> str:
    """Return the address of a website that somebody enters.

    Raises:
        FormatError: `doc.name`: it is no http or https address.
    """
    try:
        parts = urlsplit(text)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname)
        parts.port  # noqa: B018  # refuses a port that cannot be
    except ValueError:
        is_address = False
    if not is_address or any(one.isspace() or not one.isprintable() for one in text):
        meant = f"; did you mean 'https://{text}'?" if _is_host(text) else ""
        raise FormatError(
            "website: expected an http or https address such as https://www.muster.example, "
            f"got {text[:_SHOWN]!r}{meant}",
            code="doc.name",
        )
    return text


def _is_host(text: str) -> bool:
    return re.fullmatch(r"[\w-]+(\.[\w-]+)+(/\S*)?", text) is not None


def _check_name(what: str, value: object) -> None:
    text = value if isinstance(value, str) else ""
    if not any(one.isalnum() for one in show_only(text)):
        raise FormatError(
            f"{what}: expected a name with a letter or a digit in it, got {text[:_SHOWN]!r}; "
            "nobody could read what it is",
            code="doc.name",
        )


def _check_scheme(website: object) -> None:
    """Refuse an address that is none of a page; what has no scheme at all an import may bring."""
    found = _SCHEME.match(website) if isinstance(website, str) else None
    if found is not None and found[1].lower() not in ("http", "https"):
        check_website(str(website))


def _structured(documents: Sequence[NewDocument]) -> Iterator[Mapping[str, Any]]:
    for document in documents:
        if document.type == STRUCTURED:
            yield read_structured(document.content)
