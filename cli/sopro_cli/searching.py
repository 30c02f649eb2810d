"""The directory and the question everybody has: `sopro directory`, `sopro check`."""

import csv
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, get_args

import rich_click as click

from sopro_cli.certificate_list import as_cell
from sopro_cli.labels import LAPSING, describe_label, say_on_record
from sopro_cli.office import ask
from sopro_cli.options import CODE, DAY, NUTS, SITE, as_bytes, here, read_file
from sopro_cli.output import make_readable, remark, show, show_json
from sopro_registry.certificate_number import fold_number
from sopro_registry.families import offering, organisation
from sopro_registry.label import Status

MAX_TABLE: Final = 2 * 1024 * 1024
_HINT: Final = (
    "the list is a CSV file of certificate numbers, or with columns number, gtin, identifier or "
    "offering, and at"
)
_STATUSES: Final = [one.word for one in Status]


@click.command()
@click.argument("words", metavar="[SEARCH]...", nargs=-1)
@here
@click.option("--status", type=click.Choice(_STATUSES), default=None)
@click.option("--category", default=None, help="cpv:CODE, nace:REVISION:CODE or code:LIST:CODE")
@click.option("--region", default=None, callback=NUTS, help="NUTS code, with all within it")
@click.option("--scale", type=click.Choice(get_args(offering.Scale)), help="of its effect")
@click.option("--holder", type=click.Choice(get_args(organisation.ActorType)))
@click.option("--identifier", default=None, help="of the organisation, such as a VAT number")
@click.option("--gtin", default=None, help="trade item number")
@click.option("--site", default=None, callback=SITE, help="that decides on it")
@click.option("--scheme", default=None, callback=CODE)
@click.option("--at", default=None, callback=DAY, help="civil date; today if not given")
@click.option("--organisations", is_flag=True, help="list organisations instead of labels")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True)
@click.option("--after", default=None, help="as the page before ended")
@click.option("--json", "as_json", is_flag=True)
def directory(  # one for each option
    words: tuple[str, ...],
    folder: Path,
    *,
    organisations: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Search labels by words of any spelling, and by category, region, status and more.

    ```
    sopro directory mueller --dir at
    sopro directory --dir at --status active --category cpv:39110000 --region AT1
    sopro directory tisch --dir at --organisations --json
    ```

    All words and options must hold. `mueller` finds Müller, `gyor` finds Győr.
    """
    named = {name: value for name, value in options.items() if value}
    what = "directory_organisations" if organisations else "directory"
    page = ask(folder, what, q=" ".join(words), **named)
    if as_json:
        show_json(page)
        return
    for one in page["organisations" if organisations else "labels"]:
        show(_organisation_line(one) if organisations else _label_line(one))
    for word in page["whole_words"]:
        remark(f"too much begins with {word!r}: only the whole word was looked for")
    if page["next"]:
        remark(f"there may be more: --after {page['next']}")
    _tell_bases(page)


def _label_line(one: Mapping[str, Any]) -> str:
    until = (one["valid_until"] if one["status"] in LAPSING else None) or ""
    imported = ", from an existing register" if one["imported"] else ""
    return f"{one['number']}  {one['status']:11} {until:10}  {describe_label(one)}{imported}"


def _organisation_line(one: Mapping[str, Any]) -> str:
    fields = one["described"]
    place = ", ".join(str(fields[name]) for name in ("legal_name", "locality") if name in fields)
    return f"{one['entity']}  {one['site']}  {one['status']:11} {one['country']}  {place}"


@click.command()
@click.argument("what", metavar="NUMBER|FILE.csv", required=False)
@here
@click.option("--gtin", default=None, help="trade item number, instead of a NUMBER")
@click.option("--identifier", default=None, help="of an organisation, instead of a NUMBER")
@click.option("--offering", "entity", default=None, help="as 'offering add' printed it")
@click.option("--at", default=None, callback=DAY, help="civil date; today if not given")
@click.option("--json", "as_json", is_flag=True)
def check(  # one for each option
    what: str | None,
    folder: Path,
    gtin: str | None,
    identifier: str | None,
    entity: str | None,
    at: str | None,
    *,
    as_json: bool,
) -> None:
    """Say whether something is labelled on a day; of a FILE.csv, whether everything in it is.

    ```
    sopro check SOPRO/AT0/001/00001 --dir at
    sopro check --gtin 4006381333931 --at 2026-10-01 --dir at
    sopro check numbers.csv --dir at > answers.csv
    ```

    Ends with 0 if it is, or all of it is, and with 1 if not. A file has one column of numbers, or a
    line that names its columns: number, gtin, identifier, offering and at.
    """
    named = {"number": what, "gtin": gtin, "identifier": identifier, "offering": entity}
    given = {by: value for by, value in named.items() if value}
    if len(given) != 1:
        raise click.UsageError("name one thing: a NUMBER, a FILE.csv, or one of the options")
    [(by, value)] = given.items()
    if by == "number" and fold_number(value) is None and not value.startswith("SOPRO/"):
        _check_file(folder, Path(value), at, as_json=as_json)
        return
    if entity:
        as_bytes(entity, "--offering")
    found = ask(folder, "check", by=by, value=value, at=at)
    if as_json:
        show_json(found)
    else:
        _tell(found)
    raise SystemExit(0 if found["valid"] else 1)


def _tell(found: Mapping[str, Any]) -> None:
    is_valid = "valid" if found["valid"] else "not valid"
    show(f"{found['value']}: {is_valid} on {found['at']}")
    for one in found["labels"]:
        until = f", valid until {one['valid_until']}" if one["valid_until"] else ""
        late = "; recorded late" if one["recorded_late"] else ""
        not_known = say_on_record(one["on_record_since"], found["at"])
        show(f"  {one['number']}  {one['status']}{until}{late}")
        if not_known:
            show(f"    {not_known}")
    if not found["labels"]:
        show("  no label is known")
    if found["more"]:
        remark("there are more labels of it than are named")
    _tell_bases(found)


def _tell_bases(found: Mapping[str, Any]) -> None:
    for basis in found["computed_from"]:
        remark(f"computed from {basis['origin']} at size {basis['size']}, root {basis['root']}")


def _check_file(folder: Path, path: Path, at: str | None, *, as_json: bool) -> None:
    table = read_file(path, limit=MAX_TABLE, hint=_HINT)
    answer = ask(folder, "check_many", table=table, at=at)
    columns, rows = answer["columns"], answer["rows"]
    valid = columns.index("valid")
    invalid = sum(row[valid] != "yes" for row in rows)
    if as_json:
        show_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([as_cell(make_readable(cell)) for cell in row] for row in rows)
    remark(f"{len(rows)} checked, {invalid} not valid")
    raise SystemExit(1 if invalid else 0)


COMMANDS = (check, directory)
