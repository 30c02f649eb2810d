"""Taking over an existing register: `sopro import`."""

import dataclasses
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import rich_click as click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from sopro_cli.office import reach, run
from sopro_cli.options import FOLDER
from sopro_cli.output import fail, remark, show, show_json
from sopro_node.config import load_settings
from sopro_node.importing.fields import Kind
from sopro_node.importing.mapping import SourceMapping, load_mapping
from sopro_node.importing.run import Job, Summary, free_bad_path, run_import
from sopro_node.keyring import load_import_key
from sopro_node.lock import DirectoryLock
from sopro_protocol.errors import FormatError, SoproError

IMPORT_LOCK = "import.lock"
FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("import")
@click.argument("folder", type=FOLDER)
@click.argument("file", type=FILE)
@click.option(
    "--as",
    "kind",
    type=click.Choice([kind.value for kind in Kind]),
    required=True,
    help="what its rows are",
)
@click.option("--mapping", type=FILE, help="TOML: which column is which field")
@click.option(
    "--where",
    "only",
    multiple=True,
    help="COLUMN=VALUE: only these rows; repeatable, several values of one column are alternatives",
)
@click.option("--bad", type=FILE, help="for bad rows; otherwise FILE.bad.csv in this directory")
@click.option("--json", "as_json", is_flag=True)
def import_command(
    folder: Path,
    file: Path,
    kind: str,
    mapping: Path | None,
    only: tuple[str, ...],
    bad: Path | None,
    *,
    as_json: bool,
) -> None:
    """Bring the rows of a CSV file into a site's register, each once.

    Run again, it appends only what has changed or is new; after an interruption, the rest. It
    ends with 0 when every row is in the register, or ended what had never begun; with 1 when rows
    are bad (they are in the file of bad rows, with the reason) or a rule forbids them.
    """
    try:
        load_settings(folder)
        chosen = Kind(kind)
        found = _narrow(load_mapping(mapping, chosen) if mapping else None, only)
        if bad is not None and bad.exists():
            raise FormatError(f"{bad}: is there already; name another file for bad rows")
        bad = bad or free_bad_path(file, Path.cwd())
        secret = load_import_key(folder)
        lock = DirectoryLock(folder, name=IMPORT_LOCK)
    except SoproError as error:
        fail(error)
    try:
        with _progress() as progress:
            summary = run(_work(folder, Job(chosen, file, found, bad, remark, progress), secret))
    finally:
        lock.release()
    _report(summary, chosen, bad, as_json=as_json)


async def _work(folder: Path, job: Job, secret: bytes) -> Summary:
    async with reach(folder) as office:
        return await run_import(job, office, secret=secret)


def _narrow(mapping: SourceMapping | None, only: tuple[str, ...]) -> SourceMapping | None:
    """Add the rows asked for on the command line to those of the mapping."""
    where: dict[str, list[str]] = {}
    for one in only:
        column, equals, value = one.partition("=")
        if not equals or not column:
            raise FormatError(f"--where: expected COLUMN=VALUE, got {one!r}")
        where.setdefault(column, []).append(value)
    if not where:
        return mapping
    if mapping is None:
        raise FormatError("--where needs a --mapping")
    return msgspec.structs.replace(mapping, where={**mapping.where, **where})


def _report(summary: Summary, kind: Kind, bad: Path, *, as_json: bool) -> None:
    if as_json:
        answer: dict[str, Any] = dataclasses.asdict(summary)
        del answer["forbidden"]
        show_json(answer | ({"bad_file": str(bad)} if summary.bad or summary.refused else {}))
    else:
        show(
            f"{kind}: {summary.read} rows read: {summary.appended} appended, "
            f"{summary.unchanged} unchanged, {summary.refused} refused, {summary.bad} bad"
            f"{f', {summary.left_out} cells left out' if summary.left_out else ''} "
            f"({summary.seconds:.1f} s)"
        )
    if summary.bad or summary.refused:
        remark(f"the rows that did not go in are in {bad}; correct them there and import that file")
    if summary.bad or summary.forbidden:
        raise SystemExit(1)


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
