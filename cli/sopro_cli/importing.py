"""Taking over an existing register: `sopro import`."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rich_click as click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from sopro_cli.acting import act, do
from sopro_cli.office import reach, run
from sopro_cli.options import FOLDER
from sopro_cli.output import fail, remark, show, show_json
from sopro_node.config import load_settings
from sopro_node.importing.fates import MAX_TOLD
from sopro_node.importing.fields import Kind
from sopro_node.importing.guess import guess_mapping
from sopro_node.importing.job import Job, free_bad_path
from sopro_node.importing.mapping import load_mapping
from sopro_node.importing.mapping_parts import MAX_HEADER_LINE
from sopro_node.importing.narrowing import narrow
from sopro_node.importing.report import Report
from sopro_node.importing.report_text import check_report_path, format_report
from sopro_node.importing.run import run_import
from sopro_node.keyring import load_import_key
from sopro_node.lock import lock_imports
from sopro_protocol.errors import FormatError, SoproError

FILE = click.Path(path_type=Path, dir_okay=False)
_HINTS = 5
_NAMED_BEFORE = Path("-")
"""What `--guess` has where no file stands behind it."""


@click.command("import")
@click.argument("folder", type=FOLDER, required=False)
@click.argument("file", type=FILE, required=False)
@click.option(
    "--as",
    "kind",
    type=click.Choice([kind.value for kind in Kind]),
    help="what its rows are",
)
@click.option("--mapping", type=FILE, help="TOML: which column is which field")
@click.option(
    "--guess",
    type=FILE,
    is_flag=False,
    flag_value=str(_NAMED_BEFORE),
    metavar="FILE",
    help="print a mapping for this file, to be edited by hand; with --as, for rows of one kind",
)
@click.option(
    "--header-line",
    type=click.IntRange(1, MAX_HEADER_LINE),
    help="with --guess: the line with the names of the columns, if it is not the one that is found",
)
@click.option("--sheet", help="with --guess: of a workbook, if not the first with a table")
@click.option(
    "--encoding",
    help="with --guess: of a CSV file, such as cp852, if it is not the one that is found",
)
@click.option("--dry-run", "is_dry", is_flag=True, help="change nothing, and say what would happen")
@click.option(
    "--where",
    multiple=True,
    help="COLUMN=VALUE: only these rows; repeatable, several values of one column are alternatives",
)
@click.option(
    "--only",
    multiple=True,
    help="FIELD=VALUE: the same by what a field is read as, for example country=AT",
)
@click.option("--bad", type=FILE, help="for bad rows; otherwise FILE.bad.csv in this directory")
@click.option("--report", type=FILE, help="write what came in and what not: a file .html or .md")
@click.option(
    "--close",
    "is_closing",
    is_flag=True,
    help="end it for ever: no decision is taken over any more",
)
@click.option("--json", "as_json", is_flag=True)
def import_command(  # one for each option
    folder: Path | None,
    file: Path | None,
    kind: str | None,
    mapping: Path | None,
    guess: Path | None,
    header_line: int | None,
    sheet: str | None,
    encoding: str | None,
    where: tuple[str, ...],
    only: tuple[str, ...],
    bad: Path | None,
    report: Path | None,
    *,
    is_dry: bool,
    is_closing: bool,
    as_json: bool,
) -> None:
    """Bring the rows of a CSV file or an xlsx workbook into a site's register, each once.

    Run again, it appends only what has changed or is new; after an interruption, the rest. It
    ends with 0 when every row is in the register, or ended what began only later; with 1 when rows
    are bad (they are in the file of bad rows, with the reason) or a rule forbids them.

        sopro import --guess firms.xlsx --as organisations > firms.toml
        sopro import --guess firms.xlsx --as organisations --header-line 4 > firms.toml
        sopro import --guess firms.xlsx --sheet "Firms 2026" > firms.toml
        sopro import at firms.xlsx --as organisations --mapping firms.toml --dry-run
        sopro import at firms.xlsx --as organisations --mapping firms.toml --report firms.html
        sopro import at map.csv --as organisations --mapping map.toml --only country=AT
        sopro import at --close

    The last one says that the whole register is in: from then on a decision that comes from
    elsewhere counts for nothing, at any node, and nobody can take that back.
    """
    if is_closing:
        _close(folder, file, as_json=as_json)
        return
    chosen = Kind(kind) if kind else None
    if guess is not None:
        looked_at = file if guess == _NAMED_BEFORE else guess
        if looked_at is None:
            raise click.UsageError("say which file to look at: sopro import --guess FILE")
        if mapping is not None:
            raise click.UsageError(
                "--mapping stands with an import; what --guess has to know of a file say "
                "--sheet, --encoding and --header-line"
            )
        _guess(looked_at, chosen, header_line=header_line, sheet=sheet, encoding=encoding)
        return
    for name, said in (("header-line", header_line), ("sheet", sheet), ("encoding", encoding)):
        if said is not None:
            key = name.replace("-", "_")
            raise click.UsageError(
                f"--{name} stands with --guess; of an import, {key!r} in the mapping says it"
            )
    if folder is None or file is None or chosen is None:
        raise click.UsageError(
            "expected the site's directory, a file and --as; or --guess FILE alone"
        )
    try:
        load_settings(folder)
        found = narrow(
            load_mapping(mapping, chosen) if mapping else None,
            chosen,
            where=_pairs(where, "--where"),
            only=_pairs(only, "--only"),
        )
        if bad is not None and bad.exists():
            raise FormatError(f"{bad}: is there already; name another file for bad rows")
        if report is not None:
            check_report_path(report)
        bad = bad or free_bad_path(file, Path.cwd())
        secret = load_import_key(folder)
        lock = lock_imports(folder)
    except SoproError as error:
        fail(error)
    try:
        with _progress() as progress:
            job = Job(chosen, file, found, bad, remark, progress, is_dry)
            done = run(_work(folder, job, secret))
    finally:
        lock.release()
    if report is not None:
        _write(report, done)
    _show(done, bad, as_json=as_json)


def _close(folder: Path | None, file: Path | None, *, as_json: bool) -> None:
    """Record that taking over the old register has ended."""
    if folder is None or file is not None:
        raise click.UsageError("--close stands with the site's directory alone")
    done = do(folder, lambda office: act(office, "import.close", {}))
    if as_json:
        show_json(done)
    else:
        show(
            f"the import is closed: entry {done['index']}; what is decided from now on is assessed"
        )


def _guess(
    path: Path,
    kind: Kind | None,
    *,
    header_line: int | None,
    sheet: str | None,
    encoding: str | None,
) -> None:
    """Print a mapping; what it was made of is a remark."""
    try:
        guessed = guess_mapping(
            path,
            kind,
            header_line=header_line or 0,
            sheet=sheet or "",
            encoding=encoding or "",
        )
    except SoproError as error:
        fail(error)
    for line in guessed.toml.splitlines():
        show(line)
    for text in guessed.remarks:
        remark(text)


async def _work(folder: Path, job: Job, secret: bytes) -> Report:
    async with reach(folder) as office:
        return await run_import(job, office, secret=secret)


def _pairs(texts: tuple[str, ...], option: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in texts:
        name, equals, value = one.partition("=")
        if not equals or not name:
            what = "COLUMN" if option == "--where" else "FIELD"
            raise FormatError(f"{option}: expected {what}=VALUE, got {one!r}")
        found.setdefault(name, []).append(value)
    return found


def _write(path: Path, report: Report) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(format_report(report, path.suffix))
    except OSError as error:
        remark(f"{path}: the report cannot be written ({error.strerror})")
    else:
        remark(f"the report is in {path}")


def _show(report: Report, bad: Path, *, as_json: bool) -> None:
    summary = report.summary
    has_bad_file = (summary.bad or summary.refused) and not report.is_dry
    if as_json:
        show_json(report.as_json() | ({"bad_file": str(bad)} if has_bad_file else {}))
    else:
        show(_counts(report))
        _hint(report)
    if has_bad_file:
        remark(f"the rows that did not go in are in {bad}; correct them there and import that file")
    if summary.bad or summary.forbidden:
        raise SystemExit(1)


def _counts(report: Report) -> str:
    summary = report.summary
    left_out = f", {summary.left_out} cells left out" if summary.left_out else ""
    parts = f" ({summary.new} new, {summary.changed} changed)" if summary.appended else ""
    skipped = f", {summary.skipped} passed over" if summary.skipped else ""
    return (
        f"{'dry run, nothing changed: ' if report.is_dry else ''}"
        f"{report.kind}: {summary.read} rows read: {summary.appended} appended{parts}, "
        f"{summary.unchanged} unchanged, {summary.refused} refused, {summary.bad} bad"
        f"{left_out}{skipped} ({summary.seconds:.1f} s)"
    )


def _hint(report: Report) -> None:
    """Tell what a person would want to look at; all of it is in the report."""
    known = report.recognised
    if known.form == "csv" and known.encoding != "utf-8":
        remark(f"read as {known.encoding}, by {known.reason}; 'encoding' in the mapping overrides")
    if known.form == "xlsx" and len(known.sheets) > 1:
        remark(f"read sheet {known.sheet!r} of {', '.join(known.sheets)}; 'sheet' in the mapping")
    for line, text in report.remarks[:_HINTS]:
        remark(f"{report.file}:{line}: {text}")
    if report.remarked > _HINTS:
        remark(f"... and {report.remarked - _HINTS} more to look at; --report lists them")
    is_long = sum(report.reasons.values()) > MAX_TOLD
    for (fate, reason), count in report.reasons.most_common(_HINTS) if is_long else ():
        remark(f"{count} x {fate}: {reason}")
    if report.identifiers:
        taken = sum(bool(one.reason) for one in report.identifiers)
        remark(
            f"{len(report.identifiers)} identifiers fail their check, {taken} of them taken "
            "for a reason the mapping gives; --report lists them"
        )
    for one in report.duplicates[:_HINTS]:
        remark(f"perhaps one: same {one.kind} ({one.shared}): {'; '.join(one.members)}")
    if len(report.duplicates) > _HINTS:
        remark(f"... and {len(report.duplicates) - _HINTS} more; --report lists them")
    _hint_people(report)
    if report.not_compared:
        remark(f"{report.not_compared} organisations were too many to be compared with others")


def _hint_people(report: Report) -> None:
    """Tell who is new at the site, and who of them is perhaps somebody who is known."""
    if report.new_people:
        verb = "would be" if report.is_dry else "are"
        remark(f"{len(report.new_people)} people {verb} named at this site for the first time")
    doubtful = [(name, near) for name, near in report.new_people.items() if near]
    for name, near in doubtful[:_HINTS]:
        remark(f"perhaps the same person: {name!r} and {', '.join(map(repr, near))}")
    if len(doubtful) > _HINTS:
        remark(f"... and {len(doubtful) - _HINTS} more; --report lists them")


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """Show a progress bar where a person watches."""
    if not sys.stderr.isatty():
        yield lambda _phase, _done, _total: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(
        *columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True
    ) as bars:
        tasks: dict[str, Any] = {}

        def update(phase: str, done: int, total: int) -> None:
            if phase not in tasks:
                tasks[phase] = bars.add_task(phase)
            bars.update(tasks[phase], completed=done, total=total)

        yield update


COMMANDS = (import_command,)
