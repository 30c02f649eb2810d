"""What a certificate discloses: the documents that say whose label it is and of what.

No verdict rests on them; one made after they were erased has none (SPEC CERT-9).
"""

from collections.abc import Sequence

from msgspec import Struct

from sopro_protocol.commitment import STRUCTURED, check_document
from sopro_protocol.encoding import Value, decode
from sopro_protocol.errors import FormatError, VerificationError
from sopro_protocol.keys import Role
from sopro_registry.certificate_file import Certificate, Proven
from sopro_registry.certificate_log import CertificateLog, Placed
from sopro_registry.families import offering, organisation
from sopro_registry.label import Label


def read_documents(
    file: Certificate, site: CertificateLog, decisions: Sequence[Placed], label: Label
) -> dict[str, dict[str, Value]]:
    """Check every document; return the fields of those that describe holder and offering.

    Raises:
        FormatError: `cert.form` for a document of no entry in the file.
        VerificationError: `lbl.reference` for a record of another offering or organisation,
            `acc.commitment` for a document that is another, or what `CertificateLog.open` finds.
    """
    records = _open_records(site, file.records, label)
    placed = {one.index: one for one in (*decisions, *records)}
    fields: dict[str, dict[str, Value]] = {}
    for document in file.documents:
        one = placed.get(document.position)
        committed = one.read.record.documents if one else ()
        if one is None or document.number >= len(committed):
            raise FormatError("certificate: a document of no record in it", code="cert.form")
        commitment = committed[document.number]
        check_document(document.content, key=document.key, commitment=commitment)
        if commitment.type == STRUCTURED:
            found = _fields(document.content)
            fields.setdefault(one.read.record.family.split("/")[0], found)
    return fields


def _open_records(site: CertificateLog, records: Sequence[Proven], label: Label) -> list[Placed]:
    """Verify the offering of the label and its organisation, in this order (SPEC CERT-9)."""
    opened: list[Placed] = []
    wanted: tuple[type[Struct], bytes] = (offering.Body, label.offering)
    for proven in records:
        one = site.open(proven, Role.REGISTRAR)
        record, body = one.read
        if not isinstance(body, wanted[0]) or record.entity != wanted[1]:
            raise VerificationError(
                f"certificate: the entry at {one.index} is neither the label's offering nor its "
                "organisation",
                code="lbl.reference",
            )
        if isinstance(body, offering.Body):
            wanted = (organisation.Body, body.organisation)
        opened.append(one)
    return opened


def _fields(content: bytes) -> dict[str, Value]:
    try:
        value = decode(content, limit=64 * 1024)
    except FormatError:
        return {}
    return dict(value) if isinstance(value, dict) else {}


def say_holder(fields: dict[str, Value]) -> str:
    """Write whose label it is; empty where that is not disclosed."""
    parts = (fields.get("legal_name"), fields.get("locality"))
    return ", ".join(one for one in parts if isinstance(one, str))


def say_names(fields: dict[str, Value]) -> dict[str, str]:
    """Return what is labelled, by language."""
    names = fields.get("name")
    if not isinstance(names, dict):
        return {}
    return {tag: text for tag, text in names.items() if isinstance(text, str)}
