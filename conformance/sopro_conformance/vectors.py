"""The frozen vectors beside SPEC.md, as questions of the adapter protocol."""

import base64
import json
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Final, NamedTuple

FILES: Final = (
    "encoding",
    "record",
    "entry",
    "document",
    "keys",
    "merkle",
    "note",
    "checkpoint",
    "cosignature",
    "policy",
    "tlog-proof",
    "tile",
    "certificate",
)
_CALLS: Final = {
    "verify": ("signature", "key message signature"),
    "parse_vkey": ("vkey", "vkey:text"),
    "check_inclusion": ("inclusion", "leaf index size proof root"),
    "check_consistency": ("consistency", "old_size new_size old_root new_root proof"),
    "open_note": ("note", "note:bytes vkeys:keys"),
    "open_checkpoint": ("checkpoint", "note:bytes origin vkeys:keys"),
    "open_cosignature": ("cosignature", "note:bytes vkey:key"),
    "open_proof": ("proof", "file entry origin vkeys:keys"),
    "parse_entry_bundle": ("entries", "data:bytes width:count"),
}
"""The kind of each call, and its fields, with their name in the protocol where it is another."""
_HEX: Final = frozenset({"key", "signature", "leaf", "root", "old_root", "new_root"})
_BASE64: Final = frozenset({"note", "file", "entry", "data"})


class Question(NamedTuple):
    """One vector.

    Attributes:
        name: where it stands.
        kind: of `verify`.
        fields: of the request.
        twin: of the accepted input beside it; empty for an accepted one.
        code: by which it is refused; empty for an accepted one.
    """

    name: str
    kind: str
    fields: Mapping[str, Any]
    twin: Mapping[str, Any]
    code: str


def read_questions() -> Iterator[Question]:
    """Go through all vectors that can be asked."""
    folder = _folder()
    for file in FILES:
        data = json.loads((folder / f"{file}.json").read_text("utf-8"))
        for group in data.get("groups", ()):
            yield from _read_group(file, group)
        for one in data.get("cases", ()):
            yield from _read_case(file, one, data)


def vector_files() -> list[Path]:
    """Return the files of the frozen vectors, by name."""
    return sorted(_folder().glob("*.json"))


def _folder() -> Path:
    """Return where the vectors lie: in the wheel, or in a checkout."""
    packaged = Path(str(resources.files(__package__) / "vectors"))
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "protocol" / "vectors"


def _read_group(file: str, group: Mapping[str, Any]) -> Iterator[Question]:
    kind, names = _CALLS.get(group["call"], ("", ""))
    if not kind or not group["accept"]:
        return
    accepted = [_translate(one, names) for one in group["accept"]]
    for number, fields in enumerate(accepted):
        yield Question(f"{file}: {group['name']} {number}", kind, fields, {}, "")
    for one in group["reject"]:
        name = f"{file}: {group['name']}: {one.get('why', '')}"[:120]
        yield Question(name, kind, _translate(one, names), accepted[0], one["code"])


def _translate(one: Mapping[str, Any], names: str) -> dict[str, Any]:
    fields = {}
    for name in names.split():
        ours, _, theirs = name.partition(":")
        fields[theirs or ours] = _value(ours, one[ours])
    return fields


def _value(name: str, value: Any) -> Any:
    if name == "proof":
        return [bytes.fromhex(one) for one in value]
    if name in _HEX and isinstance(value, str):
        return bytes.fromhex(value)
    if name == "message" or name in _BASE64:
        return base64.b64decode(value)
    return value


def _read_case(file: str, one: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[Question]:
    if file == "document":
        accepted = _document(one["accept"])
        yield Question(f"{file}: {one['name']}", "document", accepted, {}, "")
        for bad in one["reject"]:
            fields = _document({**one["accept"], **bad})
            yield Question(f"{file}: {bad['delta']}", "document", fields, accepted, bad["code"])
        return
    kind = {"encoding": "value", "record": "record", "entry": "entry"}[file]
    more: dict[str, Any] = {}
    if one.get("checked", "form") != "form":
        keys = [key["public"] for key in data["keys"] if key["at_hand"]]
        more["keys"] = [bytes.fromhex(key) for key in keys]
    accepted = {"bytes": _join(one["accept"]), **more}
    yield Question(f"{file}: {one['name']}", kind, accepted, {}, "")
    for bad in one["reject"]:
        name = f"{file}: {one['name']}: {bad['delta']}"
        yield Question(name, kind, {**accepted, "bytes": _join(bad)}, accepted, bad["code"])


def _join(one: Mapping[str, Any]) -> bytes:
    if "parts" in one:
        return b"".join(bytes.fromhex(part) * times for part, times in one["parts"])
    return bytes.fromhex(one["bytes"])


def _document(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "content": _join(one),
        "key": bytes.fromhex(one["key"]),
        "size": one["size"],
        "commitment": bytes.fromhex(one["commitment"]),
    }
