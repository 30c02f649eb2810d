"""Canonical msgpack: one value, one spelling.

The profile (SPEC section ENC) is msgpack with these limits:

* every value in its one shortest form, non-negative integers in unsigned form;
* integers within +-(2^53 - 1), so that JavaScript reads them exactly;
* map keys are strings, unique, sorted by their UTF-8 bytes;
* no floats, no ext types, no nil;
* text is valid UTF-8 without control characters except newline and tab;
* at most 16 maps and arrays inside one another, and nothing after the value.

Example: `{"a": 1, "b": [true]}` is `82 a1 61 01 a1 62 91 c3`.

`decode` is the reference: it walks byte by byte and names what is wrong. Hot paths decode with a
type instead, encode again and compare (`Canonical`); where the two would differ, `decode` decides.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Generic, NoReturn, TypeAlias, TypeVar

import msgspec

from sopro_protocol.errors import FormatError

Value: TypeAlias = "bool | int | str | bytes | Sequence[Value] | Mapping[str, Value]"

MAX_DEPTH: Final = 16
MAX_INTEGER: Final = 2**53 - 1
MAX_RECORD: Final = 32 * 1024
MAX_ENTRY: Final = 65_535

CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
TEXT_PATTERN: Final = "^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*\\Z"

_ENCODER: Final = msgspec.msgpack.Encoder(order="sorted")
_STRUCT_ENCODER: Final = msgspec.msgpack.Encoder(order="deterministic")

S = TypeVar("S", bound=msgspec.Struct)


def encode(value: Value) -> bytes:
    """Encode a value in its one canonical form (SPEC ENC-1 to ENC-10).

    Raises:
        FormatError: the value has no canonical form; the code names the rule.
    """
    _check_encodable(value, 0)
    return _ENCODER.encode(value)


def decode(data: bytes, *, limit: int = MAX_RECORD) -> Value:
    """Decode one canonical value that fills the whole input (SPEC ENC-1 to ENC-10).

    Args:
        data: the bytes, at most `limit`.
        limit: in bytes; also bounds every length and count a header may claim.

    Raises:
        FormatError: with the code of the rule broken: `enc.duplicate-key`, `enc.key-order`,
            `enc.not-shortest`, `enc.type`, `enc.text`, `enc.framing` or `enc.limit`.
    """
    if len(data) > limit:
        raise FormatError(
            f"encoding: {len(data)} bytes, at most {limit} are allowed", code="enc.limit"
        )
    decoder = _Decoder(data, limit)
    value = decoder.value(0)
    if decoder.position != len(data):
        raise FormatError(
            f"encoding: {len(data) - decoder.position} bytes after the value, expected none",
            code="enc.framing",
        )
    return value


class Canonical(Generic[S]):
    """Decodes one type and accepts only its canonical bytes, at C speed.

    The type must be one whose decoder already refuses what the profile refuses: bounded
    integers, text with a pattern, no floats, no optional nil, fields in alphabetical order, and
    fewer than 16 of them in a struct inside another.
    """

    def __init__(self, kind: type[S]) -> None:
        self._kind = kind
        self._decoder = msgspec.msgpack.Decoder(kind)

    def read(self, data: bytes | msgspec.Raw) -> S | None:
        """Return the value, or None where only the strict decoder can tell."""
        try:
            value = self._decoder.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        # A Raw never equals bytes, whatever it holds; bytes() of bytes copies nothing.
        return value if encode_struct(value) == bytes(data) else None

    def convert(self, value: Value) -> S:
        """Type a value the strict decoder accepted; fields the type does not know are left out.

        Raises:
            msgspec.ValidationError: a field is missing or does not fit.
        """
        # Bytes are bytes here; left to itself, convert takes base64 text for them.
        return msgspec.convert(value, self._kind, builtin_types=(bytes,))


def encode_struct(value: msgspec.Struct) -> bytes:
    """Encode a struct whose fields are declared in alphabetical order; no check of its values."""
    data = _STRUCT_ENCODER.encode(value)
    if data[:2] == b"\xde\x00" and data[2] < 16:
        # msgspec sizes the header for all fields, also where it then leaves most of them out.
        return bytes((0x80 | data[2],)) + data[3:]
    return data


class _Decoder:
    """The strict decoder: one method for each kind of header."""

    def __init__(self, data: bytes, limit: int) -> None:
        self.data = data
        self.limit = limit
        self.position = 0

    def value(self, depth: int) -> Value:
        head = self._take(1)[0]
        if head <= 0x7F:
            return head
        if head >= 0xE0:
            return head - 256
        if head <= 0x8F:
            return self._map(head & 0x0F, depth)
        if head <= 0x9F:
            return self._array(head & 0x0F, depth)
        if head <= 0xBF:
            return self._text(head & 0x1F)
        return self._sized(head, depth)

    def _sized(self, head: int, depth: int) -> Value:
        if head in (0xC2, 0xC3):
            return head == 0xC3
        if head in _UNSIGNED:
            return self._unsigned(*_UNSIGNED[head])
        if head in _SIGNED:
            return self._signed(*_SIGNED[head])
        if head in _LENGTHS:
            width, least, read = _LENGTHS[head]
            return read(self, self._length(width, least), depth)
        if head == 0xC1:
            raise FormatError("encoding: byte 0xc1 starts no value", code="enc.framing")
        raise FormatError(
            "encoding: expected map, array, text, bytes, integer or boolean, got "
            + _FOREIGN.get(head, "an ext type"),
            code="enc.type",
        )

    def _take(self, count: int) -> bytes:
        end = self.position + count
        if end > len(self.data):
            _refuse("enc.framing", f"input ends at byte {len(self.data)}, inside a value")
        piece = self.data[self.position : end]
        self.position = end
        return piece

    def _unsigned(self, width: int, least: int) -> int:
        number = int.from_bytes(self._take(width), "big")
        if number < least:
            _refuse("enc.not-shortest", f"integer {number} is written in {width} bytes")
        if number > MAX_INTEGER:
            _refuse("enc.limit", f"integer {number} is above 2^53 - 1")
        return number

    def _signed(self, width: int, most: int) -> int:
        number = int.from_bytes(self._take(width), "big", signed=True)
        if number > most:
            _refuse("enc.not-shortest", f"integer {number} is written in {width} signed bytes")
        if number < -MAX_INTEGER:
            _refuse("enc.limit", f"integer {number} is below -(2^53 - 1)")
        return number

    def _length(self, width: int, least: int) -> int:
        length = int.from_bytes(self._take(width), "big")
        if length < least:
            _refuse("enc.not-shortest", f"length {length} is written in {width} bytes")
        if length > self.limit:
            _refuse("enc.limit", f"a header claims {length}, at most {self.limit} can follow")
        return length

    def _bytes(self, length: int, _depth: int = 0) -> bytes:
        return self._take(length)

    def _text(self, length: int, _depth: int = 0) -> str:
        try:
            text = self._take(length).decode("utf-8", "strict")
        except UnicodeDecodeError as error:
            raise FormatError(
                f"encoding: text is not UTF-8: {error.reason}", code="enc.text"
            ) from None
        _check_text(text)
        return text

    def _array(self, count: int, depth: int) -> list[Value]:
        _check_depth(depth)
        return [self.value(depth + 1) for _ in range(count)]

    def _map(self, count: int, depth: int) -> dict[str, Value]:
        _check_depth(depth)
        result: dict[str, Value] = {}
        last: str | None = None
        for _ in range(count):
            key = self.value(depth + 1)
            if not isinstance(key, str):
                _refuse("enc.type", f"a map key is {type(key).__name__}, expected text")
            if key in result:
                _refuse("enc.duplicate-key", f"map key {key[:40]!r} appears twice")
            if last is not None and key < last:
                _refuse("enc.key-order", f"map key {key[:40]!r} comes after {last[:40]!r}")
            result[key] = self.value(depth + 1)
            last = key
        return result


# header byte -> (bytes of the number, the least value that needs so many)
_UNSIGNED: Final = {0xCC: (1, 0x80), 0xCD: (2, 0x100), 0xCE: (4, 0x1_0000), 0xCF: (8, 2**32)}
# header byte -> (bytes of the number, the largest value that needs so many)
_SIGNED: Final = {0xD0: (1, -33), 0xD1: (2, -129), 0xD2: (4, -32_769), 0xD3: (8, -(2**31) - 1)}
_Reader: TypeAlias = Callable[[_Decoder, int, int], Value]
_LENGTHS: Final[dict[int, tuple[int, int, _Reader]]] = {
    0xC4: (1, 0, _Decoder._bytes),
    0xC5: (2, 0x100, _Decoder._bytes),
    0xC6: (4, 0x1_0000, _Decoder._bytes),
    0xD9: (1, 32, _Decoder._text),
    0xDA: (2, 0x100, _Decoder._text),
    0xDB: (4, 0x1_0000, _Decoder._text),
    0xDC: (2, 16, _Decoder._array),
    0xDD: (4, 0x1_0000, _Decoder._array),
    0xDE: (2, 16, _Decoder._map),
    0xDF: (4, 0x1_0000, _Decoder._map),
}
_FOREIGN: Final = {0xC0: "nil", 0xCA: "a float", 0xCB: "a float"}


def _refuse(code: str, message: str) -> NoReturn:
    raise FormatError(f"encoding: {message}", code=code)


def _check_text(text: str) -> None:
    found = CONTROL.search(text)
    if found:
        _refuse("enc.text", f"control character U+{ord(found[0]):04X} in text")


def _check_depth(depth: int) -> None:
    if depth >= MAX_DEPTH:
        _refuse("enc.limit", f"more than {MAX_DEPTH} maps and arrays inside one another")


def _check_encodable(value: object, depth: int) -> None:
    """Refuse what has no canonical form."""
    if isinstance(value, bool | bytes):
        return
    if isinstance(value, int):
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            _refuse("enc.limit", f"integer {value} is outside +-(2^53 - 1)")
    elif isinstance(value, str):
        if _SURROGATE.search(value):
            _refuse("enc.text", "a lone surrogate is not text")
        _check_text(value)
    elif isinstance(value, Mapping):
        _check_depth(depth)
        for key, inner in value.items():
            if not isinstance(key, str):
                _refuse("enc.type", f"a map key is {type(key).__name__}, expected text")
            _check_encodable(key, depth + 1)
            _check_encodable(inner, depth + 1)
    elif isinstance(value, list | tuple):
        _check_depth(depth)
        for inner in value:
            _check_encodable(inner, depth + 1)
    else:
        _refuse("enc.type", f"{type(value).__name__} is not a type of the profile")
