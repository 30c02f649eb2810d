"""Files that go with a record: `--document`, `--visibility`, `--party`."""

import functools
import mimetypes
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import rich_click as click

from sopro_cli.options import SITE, read_file
from sopro_cli.output import fail
from sopro_node.documents import VISIBILITIES
from sopro_protocol.errors import FormatError
from sopro_protocol.record import MAX_DOCUMENT_SIZE, MAX_DOCUMENTS

Command = Callable[..., Any]
Files = Sequence[Mapping[str, Any]]
"""Files as they were read: name, content, type, visibility, parties."""

_NAME: Final = "document"
_ANY: Final = "application/octet-stream"
MOST_BYTES: Final = 50 * 1024 * 1024
_MOST: Final = MAX_DOCUMENTS - 1
_LONGEST: Final = 100


def with_documents(command: Command) -> Command:
    """Give a command the options for files; it gets what they name as `files`, read.

    What is published is a word that says what sort of thing it is, never the file's own name.
    Where a file cannot be read the command ends.
    """

    @functools.wraps(command)
    def reading(
        *arguments: Any,
        documents: Sequence[str],
        visibility: str,
        parties: Sequence[str],
        **options: Any,
    ) -> Any:
        files = _read_documents(documents, visibility, parties)
        return command(*arguments, files=files, **options)

    found: Command = reading
    for option in (
        click.option(
            *("--party", "parties"),
            multiple=True,
            callback=SITE,
            help="site that may read them, with --visibility parties; repeatable",
        ),
        click.option(
            "--visibility",
            type=click.Choice(VISIBILITIES),
            default="site",
            show_default=True,
            help="who may read the documents",
        ),
        click.option(
            *("--document", "documents"),
            multiple=True,
            metavar="[NAME=]FILE",
            help="a file that goes with the record, for example report=audit.pdf; a NAME that says "
            "what sort of thing it is (SPEC OFC-10) is published, of any other only that it is a "
            "document; repeatable",
        ),
    ):
        found = option(found)
    return found


def _read_documents(texts: Sequence[str], visibility: str, parties: Sequence[str]) -> Files:
    """Read the files that `--document` names; where one cannot be read the command ends.

    Raises:
        UsageError: there are too many, a name is too long, or parties are named for nothing.
    """
    if bool(parties) != (visibility == "parties" and bool(texts)):
        raise click.UsageError("--party stands with --document and --visibility parties")
    if len(texts) > _MOST:
        raise click.UsageError(f"at most {_MOST} documents go with a record, got {len(texts)}")
    try:
        return _read_all(texts, visibility, sorted(set(parties)))
    except FormatError as error:
        fail(error)


def _read_all(texts: Sequence[str], visibility: str, parties: list[str]) -> Files:
    found = [_read(text, visibility, parties) for text in texts]
    size = sum(len(one["content"]) for one in found)
    if size > MOST_BYTES:
        raise FormatError(f"--document: {size} bytes in all, at most {MOST_BYTES} go at once")
    return found


def _read(text: str, visibility: str, parties: list[str]) -> dict[str, Any]:
    name, equals, written = text.partition("=")
    if not equals or Path(text).is_file():
        name, written = _NAME, text
    if not name or not name.isprintable() or len(name) > _LONGEST:
        raise click.BadParameter(
            f"--document: expected NAME=FILE with a name of 1 to {_LONGEST} printable characters, "
            f"got {text[:_LONGEST]!r}"
        )
    path = Path(written)
    content = read_file(path, limit=MAX_DOCUMENT_SIZE, hint="name a file as --document report=FILE")
    if not content:
        raise FormatError(f"{path}: is empty; a document has at least one byte")
    kind = mimetypes.guess_type(path.name)[0] or _ANY
    return {
        "name": name,
        "content": content,
        "type": kind,
        "visibility": visibility,
        **({"parties": parties} if parties else {}),
    }
