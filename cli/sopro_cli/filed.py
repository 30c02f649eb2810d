"""What was filed with a site and its people read: `sopro document`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import rich_click as click

from sopro_cli.office import ask
from sopro_cli.options import FOLDER, as_bytes
from sopro_cli.output import fail, remark, show, show_json, show_lines
from sopro_protocol.errors import FormatError


def tell_records(folder: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """Print what was filed with records: the words of what has fields, and where files are."""
    for record in records:
        for one in record["documents"]:
            _tell_document(folder, record, one)


def _tell_document(folder: Path, record: Mapping[str, Any], one: Mapping[str, Any]) -> None:
    read_by = one["visibility"]
    if parties := one.get("parties"):
        read_by = f"{read_by} {', '.join(parties)}"
    show(
        f"  {record['origin']} {record['index']} {one['document']}  {one['given']}  {one['type']}  "
        f"{one['size']} bytes  {read_by}"
    )
    if not one["is_here"]:
        show("    is not here: it was erased, or never came")
    elif one["fields"] is not None:
        _tell_fields(one["fields"], indent="    ")
    else:
        place = f"{record['origin']} {record['index']} {one['document']}"
        show(f"    to save it: sopro document show {folder} {place} --out FILE")


def _tell_fields(fields: Mapping[str, Any], *, indent: str) -> None:
    for name, value in fields.items():
        text = value if isinstance(value, str) else _plain(value)
        first, *others = text.split("\n")
        show(f"{indent}{name}: {first}")
        for line in others:
            show(f"{indent}  {line}")


def _plain(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_plain(one) for one in value)
    return value.hex() if isinstance(value, bytes) else str(value)


@click.group()
def document() -> None:
    """Documents that were filed with records of this site, and what others have shown to it.

    Reading one that is not public is on the trail (`sopro officer trail`).

    ```
    sopro document list at APPLICATION
    sopro document show at sopro.example/at/1 390 0
    sopro document show at sopro.example/at/1 390 1 --out report.pdf
    ```
    """


@document.command("list")
@click.argument("folder", type=FOLDER)
@click.argument("entity", metavar="ENTITY")
@click.option("--json", "as_json", is_flag=True)
def document_list(folder: Path, entity: str, *, as_json: bool) -> None:
    """Say what was filed on an ENTITY: an application, an evaluation, a review, an appeal ...

    ```
    sopro document list at EVALUATION
    ```
    """
    found = ask(folder, "documents", entity=as_bytes(entity, "ENTITY"))["records"]
    if as_json:
        show_json(found)
        return
    tell_records(folder, found)
    if not any(one["documents"] for one in found):
        remark(f"nothing was filed on {entity} at this site, or it was erased")


@document.command("show")
@click.argument("folder", type=FOLDER)
@click.argument("origin")
@click.argument("index", type=int)
@click.argument("number", type=int)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), default=None, help="file to write"
)
@click.option("--json", "as_json", is_flag=True)
def document_show(
    folder: Path, origin: str, index: int, number: int, *, out: Path | None, as_json: bool
) -> None:
    """Read document NUMBER of entry INDEX of the log of an ORIGIN, as the lists name it.

    ```
    sopro document show at sopro.example/at/1 390 0
    sopro document show at sopro.example/at/1 390 1 --out report.pdf
    ```
    """
    if out is not None and out.exists():
        fail(FormatError(f"{out}: is there already; name another file with --out"))
    found = ask(folder, "document", origin=origin, index=index, document=number)
    content: bytes = found["content"]
    if out is not None:
        _write(out, content)
        remark(f"{out}: {len(content)} bytes, {found['type']}")
    elif as_json:
        show_json(found)
    elif found["fields"] is not None:
        _tell_fields(found["fields"], indent="")
    elif (text := _read_text(found["type"], content)) is not None:
        show_lines(text)
    else:
        fail(
            FormatError(
                f"{found['given']}: {len(content)} bytes of {found['type']} are no text; "
                "save them with --out FILE"
            )
        )


def _write(path: Path, content: bytes) -> None:
    """Write a new file; ends the command where it cannot be."""
    try:
        with path.open("xb") as file:
            file.write(content)
    except OSError as error:
        fail(FormatError(f"{path}: cannot be written ({error.strerror}); name another file"))


def _read_text(kind: str, content: bytes) -> str | None:
    if not kind.startswith("text/"):
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


COMMANDS = (document,)
