"""`sopro certificate check`: a list of numbers in, a list of verdicts out."""

import csv
import io
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import rich_click as click

from sopro_cli.certificate_trust import Trust, read_trust, trusting
from sopro_cli.office import reach, run
from sopro_cli.options import FILE, read_file
from sopro_cli.output import fail, remark
from sopro_node import clock
from sopro_node.fetch import Fetch
from sopro_node.reach import ANYWHERE
from sopro_protocol.errors import FormatError, NotFoundError, PeerError, SoproError
from sopro_registry.certificate_file import MAX_CERTIFICATE
from sopro_registry.certificate_number import fold_number
from sopro_registry.verdict import Judged, judge_certificate

MAX_LIST: Final = 16 * 1024 * 1024
MAX_NUMBERS: Final = 100_000
_HINT: Final = "the list is a CSV file whose first column, or the one named 'number', has numbers"
_COLUMNS: Final = (
    "number", "verdict", "status", "site", "valid_until", "as_of", "is_witnessed", "code", "why",
)  # fmt: skip

Get = Callable[[str], Awaitable[bytes]]


@click.command("check")
@click.argument("file", type=FILE)
@trusting
@click.option("--url", default=None, help="of any node that gives out the certificates")
def certificate_check(  # the options are described where they are declared
    file: Path, *, url: str | None, **options: Any
) -> None:
    """Check a CSV of certificate numbers; prints a CSV of verdicts.

    The certificate of each number comes from --url or the node of --dir, and is verified as
    `certificate verify` does. Ends with 0 if every label is valid, else with 1.
    """
    folder: Path | None = options["folder"]
    if url is None and folder is None:
        raise click.UsageError("say where certificates come from: --url URL or --dir DIRECTORY")
    if options["invite"] is not None:
        # A directory that only gives out certificates need not be the one that is trusted.
        options["folder"] = None
    try:
        with read_trust(**options) as trust:
            numbers = read_numbers(file)
            invalid = run(_check_all(numbers, trust, url=url, folder=folder))
    except SoproError as error:
        fail(error)
    remark(f"{len(numbers)} checked, {invalid} not valid")
    raise SystemExit(1 if invalid else 0)


def read_numbers(path: Path) -> list[str]:
    """Read the numbers of a CSV file, in its order.

    Raises:
        FormatError: it cannot be read, is no such file, or has too many rows.
    """
    data = read_file(path, limit=MAX_LIST, hint=_HINT)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: not UTF-8 text at byte {error.start}; {_HINT}") from None
    first = text.partition("\n")[0]
    separator = next((one for one in ";\t," if one in first), ",")
    try:
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=separator) if any(row)]
    except csv.Error as error:
        raise FormatError(f"{path}: {error}; {_HINT}") from None
    if not rows:
        raise FormatError(f"{path}: no number in it; {_HINT}")
    names = [cell.strip().lower() for cell in rows[0]]
    column = names.index("number") if "number" in names else 0
    if "number" in names:
        del rows[0]
    if len(rows) > MAX_NUMBERS:
        raise FormatError(f"{path}: {len(rows)} rows, at most {MAX_NUMBERS} are checked at once")
    cells = [row[column].strip() if column < len(row) else "" for row in rows]
    return [fold_number(cell) or cell for cell in cells]


async def _check_all(
    numbers: Sequence[str], trust: Trust, *, url: str | None, folder: Path | None
) -> int:
    """Print a verdict for each number; return how many are not valid."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(_COLUMNS)
    invalid = 0
    async with _source(url, folder) as get:
        for number in numbers:
            row = await _check(number, trust, get)
            invalid += row["verdict"] != "valid"
            writer.writerow([as_cell(row[name]) for name in _COLUMNS])
    return invalid


@asynccontextmanager
async def _source(url: str | None, folder: Path | None) -> AsyncIterator[Get]:
    if url is not None:
        async with Fetch(reach=ANYWHERE) as fetch:

            async def over_network(number: str) -> bytes:
                address = f"{url.rstrip('/')}/api/v1/certificates/{number}"
                return (await fetch.get(address, limit=MAX_CERTIFICATE)).body

            yield over_network
        return
    async with reach(folder or Path()) as office:

        async def here(number: str) -> bytes:
            content: bytes = (await office("certificate", {"number": number}))["content"]
            return content

        yield here


async def _check(number: str, trust: Trust, get: Get) -> dict[str, str]:
    empty = dict.fromkeys(_COLUMNS, "") | {"number": number}
    try:
        content = await get(number)
    except SoproError as error:
        is_unknown = isinstance(error, NotFoundError) or (
            isinstance(error, PeerError) and " 404" in str(error)
        )
        verdict = "unknown" if is_unknown else "unavailable"
        return empty | {"verdict": verdict, "code": error.code, "why": str(error)}
    return empty | _row(judge_certificate(content, now=clock.now(), **trust.values), number)


def _row(judged: Judged, number: str) -> dict[str, str]:
    row = {
        "verdict": judged.verdict.value,
        "code": judged.code,
        "why": judged.why,
        "is_witnessed": "yes" if judged.is_witnessed else "no",
    }
    opened = judged.opened
    if opened is None:
        return row
    if opened.number != number:
        # Genuine, but of another label than was asked for.
        why = f"the certificate is that of {opened.number}"
        return row | {"verdict": "forged", "code": "lbl.reference", "why": why}
    newest = judged.newest or opened
    return row | {
        "status": newest.status,
        "site": newest.site,
        "valid_until": newest.valid_until or "",
        "as_of": clock.format_time(judged.as_of),
    }


def as_cell(text: str) -> str:
    """Keep a spreadsheet from taking a cell for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
