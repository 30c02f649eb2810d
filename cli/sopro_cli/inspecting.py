"""Telling a person what is in a file: `sopro inspect`."""

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec
import rich_click as click

from sopro_cli.options import FILE, read_file
from sopro_cli.output import fail, show
from sopro_node import clock
from sopro_node.bundles import decompress
from sopro_node.identity import parse_invite
from sopro_protocol.bundle import MAX_BUNDLE, WIDTH, Bundle, Withheld, parse_bundle
from sopro_protocol.checkpoint import parse_checkpoint_text
from sopro_protocol.encoding import Value, decode
from sopro_protocol.errors import FormatError, SoproError
from sopro_protocol.merkle import HASH_SIZE, leaf_hash, root_of
from sopro_protocol.note import Note, parse_note
from sopro_protocol.proof import parse_proof
from sopro_protocol.record import parse_entry, read_record
from sopro_protocol.tile import parse_entry_bundle, parse_tile
from sopro_registry.catalogue import READERS
from sopro_registry.certificate import MAX_CERTIFICATE

_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_GZIP: Final = b"\x1f\x8b"
Lines = Iterator[str]


@click.command("inspect")
@click.argument("file", type=FILE)
def inspect_file(file: Path) -> None:
    """Print an entry, record, bundle, tile, note, proof, certificate or invite for a person.

    Nothing is verified: `sopro certificate verify` and `sopro audit` do that.
    """
    try:
        data = read_file(file, limit=MAX_BUNDLE, hint="name a file of a node or of a log")
        lines = describe(data, where=str(file))
    except SoproError as error:
        fail(error)
    for line in lines:
        show(line)


def describe(data: bytes, *, where: str) -> list[str]:
    """Describe bytes by the first form they follow.

    Raises:
        FormatError: they follow none that this version knows.
    """
    data = _expand(data)
    for form in _FORMS:
        try:
            return list(form(data))
        except (SoproError, msgspec.MsgspecError, IndexError):
            continue
    raise FormatError(
        f"{where}: no form this version knows: {len(data)} bytes that begin with "
        f"{data[:16]!r}; expected an entry, record, bundle, tile, note, proof, certificate or "
        "invite"
    )


def _expand(data: bytes) -> bytes:
    try:
        if data.startswith(_ZSTD):
            return _frames(data)
        if data.startswith(_GZIP):
            return gzip.decompress(data)
    except (SoproError, OSError, EOFError):
        pass
    return data


def _frames(data: bytes) -> bytes:
    import zstandard  # noqa: PLC0415  # only where something is compressed

    reader = zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True)
    try:
        return reader.read(MAX_BUNDLE)
    except zstandard.ZstdError:
        return decompress(data)


def _proof(data: bytes) -> Lines:
    proof = parse_proof(data)
    note = [f"  {line}" for line in _note(proof.checkpoint_note)]
    yield f"tlog-proof: entry {proof.index}, {len(proof.hashes)} hashes, and the head it leads to"
    yield from note


def _note(data: bytes) -> Lines:
    note = parse_note(data)
    try:
        head = parse_checkpoint_text(note.text)
    except FormatError:
        yield "signed note"
        for line in note.text.splitlines():
            yield f"  {line}"
    else:
        yield f"checkpoint of {head.origin}"
        yield f"  size {head.size}"
        yield f"  root {head.root.hex()}"
    yield from _signatures(note)


def _signatures(note: Note) -> Lines:
    for line in note.signatures:
        yield f"  signed by {line.name} (key {line.key_id.hex()}), not verified here"


def _invite(data: bytes) -> Lines:
    invite = parse_invite(data, where="invite")
    yield f"invite to the federation {invite.federation}"
    yield f"  coordinator {invite.origin} at {', '.join(invite.urls)}"
    yield f"  root key {invite.root}"


def _certificate(data: bytes) -> Lines:
    value = decode(data, limit=MAX_CERTIFICATE)
    match value:
        case {"sopro_certificate": version, "number": number, "decisions": [*decisions]}:
            pass
        case _:
            raise FormatError("not a certificate")
    yield f"certificate of {number}, version {version}"
    parts = [(f"decision {place}", one) for place, one in enumerate(decisions)]
    assert isinstance(value, dict)  # noqa: S101  # matched above
    names = ("keys", "membership", "coordinator_keys")
    parts += [(name, value[name]) for name in names if name in value]
    for name in ("keys_since", "coordinator_keys_since"):
        later = value.get(name)
        parts += [(name, one) for one in (later if isinstance(later, list) else ())]
    for name, part in parts:
        match part:
            case [bytes(entry), bytes(proof)]:
                yield f"  {name}"
                yield from (f"    {line}" for line in (*_entry(entry), *_proof(proof)))
            case _:
                yield f"  {name}: not [entry, proof]"


def _entry(data: bytes) -> Lines:
    entry = parse_entry(data)
    record = list(_record(entry.record))
    yield f"entry of {len(data)} bytes, leaf hash {leaf_hash(data).hex()}"
    yield from (f"  {line}" for line in record)
    for key_id, _ in entry.signatures:
        yield f"  signed with key {key_id.hex()[:16]}, not verified here"


def _record(data: bytes) -> Lines:
    record, body = read_record(data, READERS)
    yield f"record {record.family} of {record.log}"
    yield f"  entity {record.entity.hex()}"
    yield f"  time {_time(record.time)}"
    yield f"  prev {record.prev.hex() if isinstance(record.prev, bytes) else 'none'}"
    for commitment in record.documents:
        yield f"  document {commitment.name}, {commitment.size} bytes, {commitment.visibility}"
    if isinstance(body, FormatError):
        yield f"  body does not fit its family: {body}"
    yield "  body"
    yield from _value(decode(bytes(record.body)), "    ")


def _time(time: int) -> str:
    try:
        return clock.format_time(time)
    except (ValueError, OverflowError):
        return f"{time} ms"


def _value(value: Value, indent: str) -> Lines:
    pairs = value.items() if isinstance(value, dict) else ()
    for name, held in pairs:
        if isinstance(held, dict):
            yield f"{indent}{name}"
            yield from _value(held, indent + "  ")
        else:
            yield f"{indent}{name} {_plain(held)}"


def _plain(value: Value) -> str:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return "[" + ", ".join(_plain(one) for one in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} {_plain(one)}" for key, one in value.items()) + "}"
    return str(value)


def _bundle(data: bytes) -> Lines:
    items, documents = msgspec.msgpack.decode(data, type=Bundle)
    number = documents[0].position // WIDTH if documents else 0
    parse_bundle(data, index=number, width=len(items))
    yield f"bundle of {len(items)} entries and {len(documents)} documents"
    for place, item in enumerate(items):
        yield f"  {place}: {_name(item)}"
    for one in documents:
        yield f"  document {one.number} of entry {one.position}, {len(one.content)} bytes"


def _name(item: bytes | Withheld) -> str:
    if not isinstance(item, bytes):
        return f"withheld, leaf hash {item.leaf.hex()}"
    try:
        record, _ = read_record(parse_entry(item).record, READERS)
    except FormatError as error:
        return f"not an entry: {error}"
    return f"{record.family} of {record.log}, entity {record.entity.hex()[:8]}"


def _entries(data: bytes) -> Lines:
    count = _count_entries(data)
    entries = parse_entry_bundle(data, width=count)
    for item in entries:
        parse_entry(item)
    yield f"entry bundle of {count} entries"
    for place, item in enumerate(entries):
        yield f"  {place}: {_name(item)}"


def _count_entries(data: bytes) -> int:
    at = count = 0
    while at < len(data) and count <= WIDTH:
        at += 2 + int.from_bytes(data[at : at + 2], "big")
        count += 1
    return count


def _tile(data: bytes) -> Lines:
    if not data or len(data) % HASH_SIZE:
        raise FormatError("not a tile")
    hashes = parse_tile(data, width=len(data) // HASH_SIZE)
    yield f"32-byte hashes, as a tile holds them: {len(hashes)}, root over them"
    yield f"  {root_of(hashes).hex()}"
    yield from (f"  {place}: {one.hex()}" for place, one in enumerate(hashes))


def _document(data: bytes) -> Lines:
    value = decode(data, limit=64 * 1024)
    if not isinstance(value, dict):
        raise FormatError("not a map")
    yield "canonical map, as a structured document is"
    yield from _value(value, "  ")


_FORMS: Final[tuple[Callable[[bytes], Lines], ...]] = (
    _proof,
    _note,
    _invite,
    _certificate,
    _entry,
    _record,
    _bundle,
    _entries,
    _document,
    _tile,
)

COMMANDS = (inspect_file,)
