"""Lists of codes: `sopro codelist import`, `list`, `show`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import rich_click as click

from sopro_cli.office import Call, ask, reach, run
from sopro_cli.options import CODE, DAY, FOLDER, URL, as_pairs, here
from sopro_cli.output import remark, show, show_json
from sopro_node.codelist_files import read_codelist
from sopro_protocol.errors import FormatError
from sopro_registry.fields import Code

_MAX_FILES: Final = 256


@click.group()
def codelist() -> None:
    """Lists of codes, such as CPV, NACE and NUTS, that the coordinator publishes."""


@codelist.command("import")
@click.argument("folder", type=FOLDER)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--version", required=True, callback=CODE, help="as its publisher calls it: 2.1")
@click.option("--valid-from", default=None, callback=DAY, help="civil date; today if not given")
@click.option(
    "--list", "name", default=None, callback=CODE, help="its code; the file's name if not given"
)
@click.option("--title", "titles", multiple=True, help="LANGUAGE=TEXT, repeatable")
@click.option("--licence", default=None, help="under which it may be used: CC BY 4.0")
@click.option("--uri", default=None, callback=URL, help="where it comes from")
@click.option("--json", "as_json", is_flag=True)
def codelist_import(  # one for each option
    folder: Path,
    files: tuple[Path, ...],
    version: str,
    valid_from: str | None,
    name: str | None,
    titles: tuple[str, ...],
    licence: str | None,
    uri: str | None,
    *,
    as_json: bool,
) -> None:
    """Publish the lists in FILES, at the coordinator; what is there already stays as it is.

    A file is a CSV with a column `code` and one for each language, named by its tag:

        sopro codelist import eeig cpv.csv nuts.csv --version 2024 --licence "CC BY 4.0"

    From then on every site refuses its own organisations and offerings whose codes are not in the
    list they are from: `cpv`, `nuts`, `nace` by their names, every other where a record names it.
    """
    if name is not None and len(files) > 1:
        raise click.UsageError("--list names one list; leave it out for several FILES")
    if len(files) > _MAX_FILES:
        raise click.UsageError(f"at most {_MAX_FILES} FILES at once, got {len(files)}")
    named = {"licence": licence, "title": dict(as_pairs(titles, "LANGUAGE=TEXT")), "uri": uri}

    async def work() -> list[Mapping[str, Any]]:
        read = [(name or _list_of(file), read_codelist(file)) for file in files]
        async with reach(folder) as office:
            today = (await office("identity", {}))["today"]
            common = {**named, "version": version, "valid_from": valid_from or today}
            return [await _publish(office, one, codes, common) for one, codes in read]

    published = run(work())
    if as_json:
        show_json(published)
        return
    for one in published:
        where = "was there already" if one["index"] is None else f"entry {one['index']}"
        show(f"{one['list']} {one['version']}: {one['size']} codes, {where}")


async def _publish(
    office: Call, name: str, codes: Mapping[str, Any], common: Mapping[str, Any]
) -> Mapping[str, Any]:
    return dict(await office("publish_codelist", {**common, "list": name, "codes": codes}))


def _list_of(file: Path) -> str:
    try:
        return msgspec.convert(file.stem, Code)
    except msgspec.ValidationError:
        raise FormatError(
            f"{file}: its name is no code; name the list with --list, for example --list cpv"
        ) from None


@codelist.command("list")
@here
@click.option("--json", "as_json", is_flag=True)
def codelist_list(folder: Path, *, as_json: bool) -> None:
    """List every version of every list that the coordinator has published."""
    found = ask(folder, "codelists")["codelists"]
    if as_json:
        show_json(found)
        return
    for one in found:
        missing = "" if one["is_here"] else "  (its codes are not on this node yet)"
        show(
            f"{one['list']}  {one['version']}  {one['size']} codes  from {one['valid_from']}  "
            f"{one['digest'].hex()[:16]}{missing}"
        )


@codelist.command("show")
@click.argument("name", metavar="LIST", callback=CODE)
@here
@click.option("--version", default=None, callback=CODE, help="the latest if not given")
@click.option("--language", default="en", show_default=True, help="any, where the list has not it")
@click.option("--code", "codes", multiple=True, callback=CODE, help="repeatable; all if not given")
@click.option("--json", "as_json", is_flag=True)
def codelist_show(
    name: str,
    folder: Path,
    version: str | None,
    language: str,
    codes: tuple[str, ...],
    *,
    as_json: bool,
) -> None:
    """Show the codes of a LIST and what they mean."""
    answer = ask(folder, "codelist_at", list=name, version=version)
    unknown = sorted(set(codes) - answer["codes"].keys())
    if unknown:
        raise click.UsageError(
            f"{', '.join(unknown)}: no code of the list {answer['list']} {answer['version']}"
        )
    found = {code: answer["codes"][code] for code in codes or answer["codes"]}
    if as_json:
        show_json(answer | {"codes": found})
        return
    for code, meaning in found.items():
        show(f"{code}  {meaning.get(language) or next(iter(meaning.values()))}")
    remark(
        f"{answer['list']} {answer['version']}, from {answer['valid_from']}, "
        f"SHA-256 {answer['digest'].hex()}"
    )


COMMANDS = (codelist,)
