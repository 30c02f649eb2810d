"""Files with a list of codes: CSV with a column `code`, and one for each language."""

import csv
import io
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sopro_protocol.encoding import CONTROL
from sopro_protocol.errors import FormatError
from sopro_registry.codelists import CODE, MAX_CODES, MAX_LIST, MAX_MEANING, TAG

_HINT: Final = "expected a head line such as code,en,de,hu and a line for each code behind it"


def read_codelist(path: Path) -> dict[str, dict[str, str]]:
    """Read the codes of a file, each with what it means by language, as `parse_codelist` does.

    Raises:
        FormatError: it cannot be read, or a line does not fit; the line is named.
    """
    return parse_codelist(_read(path), where=str(path))


def parse_codelist(data: bytes, *, where: str) -> dict[str, dict[str, str]]:
    """Read the codes of a CSV, each with what it means by language.

    The delimiter is what stands behind `code` in the head line: a comma, a semicolon or a tab.

    Raises:
        FormatError: it cannot be read, or a line does not fit; the line is named.
    """
    text = _decode(data, where=where)
    head, _, _ = text.partition("\n")
    delimiter = head[4:5]
    if head[:4] != "code" or delimiter not in (",", ";", "\t"):
        raise FormatError(f"{where}: line 1: {_HINT}, got {head.strip()[:60]!r}")
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    codes: dict[str, dict[str, str]] = {}
    try:
        languages = next(lines)[1:]
        _check_languages(languages, where=where)
        for cells in lines:
            if cells:
                _add(codes, cells, languages, where=f"{where}: line {lines.line_num}")
    except csv.Error as error:
        raise FormatError(f"{where}: line {lines.line_num}: {error}") from None
    if not codes:
        raise FormatError(f"{where}: there is no code in it; {_HINT}")
    return codes


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_LIST + 1)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror}); {_HINT}") from None


def _decode(data: bytes, *, where: str) -> str:
    if len(data) > MAX_LIST:
        raise FormatError(f"{where}: more than {MAX_LIST} bytes, which no list of codes has")
    try:
        return unicodedata.normalize("NFC", data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise FormatError(
            f"{where}: is not UTF-8 at byte {error.start}; save it as UTF-8 and try again"
        ) from None


def _check_languages(languages: list[str], *, where: str) -> None:
    wrong = [tag for tag in languages if not TAG.fullmatch(tag) or len(tag) > 35]
    if wrong or not languages or len(set(languages)) != len(languages):
        named = ", ".join(languages) or "none"
        raise FormatError(
            f"{where}: line 1: expected a column for each language, each once, named by its BCP 47 "
            f"tag such as en, got {named[:80]}"
        )


def _add(
    codes: dict[str, dict[str, str]], cells: list[str], languages: list[str], *, where: str
) -> None:
    code, meanings = cells[0].strip(), cells[1:]
    if len(meanings) != len(languages):
        raise FormatError(
            f"{where}: expected {len(languages) + 1} cells as in the head line, got {len(cells)}"
        )
    if not CODE.fullmatch(code):
        raise FormatError(
            f"{where}: expected a code of letters, digits and . _ : -, at most 64, "
            f"got {code[:70]!r}"
        )
    if code in codes:
        raise FormatError(f"{where}: {code!r} stands in the list twice; leave one of them out")
    if len(codes) >= MAX_CODES:
        raise FormatError(f"{where}: more than {MAX_CODES} codes, which no list may have")
    codes[code] = _read_meanings(dict(zip(languages, meanings, strict=True)), where=where)


def _read_meanings(meanings: Mapping[str, str], *, where: str) -> dict[str, str]:
    read = {tag: text.strip() for tag, text in meanings.items() if text.strip()}
    if not read:
        raise FormatError(f"{where}: says in no language what the code means")
    for tag, text in read.items():
        if len(text) > MAX_MEANING or CONTROL.search(text):
            raise FormatError(
                f"{where}: column {tag}: expected at most {MAX_MEANING} characters without control "
                f"characters, got {text[:60]!r}"
            )
    return read
