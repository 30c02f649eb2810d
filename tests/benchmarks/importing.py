"""A member's node into which a register of organisations is imported, and how long it takes.

Arguments: the node's directory, the file. Writes one JSON object to stdout. Reading, checking and
comparing rows, judging, signing and writing them durably are all in it; starting Python is not.
"""

import csv
import json
import random
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from stdnum.at import uid
from workload import let_append

from sopro_node.importing.fields import Kind
from sopro_node.importing.job import Job
from sopro_node.importing.mapping import parse_mapping
from sopro_node.importing.report import Report
from sopro_node.importing.run import run_import
from sopro_node.node import Node
from sopro_node.office import OPERATIONS

HEADER = ("id", "name", "street", "postcode", "city", "country", "vat", "since", "about")
MAPPING: dict[str, Any] = {
    "columns": {
        "key": "id",
        "legal_name": "name",
        "street": "street",
        "postal_code": "postcode",
        "locality": "city",
        "country": "country",
        "effective_date": "since",
    },
    "constants": {"actor_type": "enterprise"},
    "dates": {"effective_date": {"format": "%d.%m.%Y"}},
    "identifiers": [{"column": "vat", "scheme": "VATAT"}],
    "texts": {"description": {"column": "about", "language": "de"}},
}
_SYLLABLES = ("ba", "dor", "em", "grün", "hof", "käl", "lin", "mös", "nei", "tau", "über", "wen")
_SPELLINGS = ("Österreich", "Austria", "AT", "Ausztria", "AUT")


def write_register(path: Path, rows: int) -> None:
    """Write a register as a person keeps it: of 100 rows about 3 are wrong and 1 is in twice."""
    dice = random.Random(20)
    with path.open("w", encoding="cp1252", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(HEADER)
        before: list[object] = []
        for number in range(rows):
            words = ["".join(dice.choices(_SYLLABLES, k=3)).title() for _ in range(3)]
            town = (1000 + number % 80, f"Ort {number % 80}")
            place = [" ".join(words[:2]), f"{words[2]}gasse {number % 90}", *town]
            place = before if number % 100 == 50 else place
            before = place
            digits = f"U{number:07d}"
            check = uid.calc_check_digit(digits[1:])
            writer.writerow(
                [
                    *(number, *place),
                    "Utopia" if number % 100 == 1 else dice.choice(_SPELLINGS),
                    digits + ("x" if number % 100 == 2 else check),
                    "31.02.2020" if number % 100 == 3 else f"{number % 28 + 1}.3.2020",
                    f"Ein Betrieb für {words[0]}, {words[1]} und {words[2]}.",
                ]
            )


async def work(folder: Path, path: Path) -> Report:
    """Import the file into the node of a directory."""
    node = await Node.open(folder)
    let_append(node)

    async def call(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
        plain = msgspec.msgpack.decode(msgspec.msgpack.encode(values))
        answer = await OPERATIONS[name](node, plain)
        decoded: dict[str, Any] = msgspec.msgpack.decode(msgspec.msgpack.encode(answer))
        return decoded

    mapping = parse_mapping(MAPPING, Kind.ORGANISATIONS, where="mapping")
    bad = path.with_suffix(".bad.csv")
    bad.unlink(missing_ok=True)
    job = Job(Kind.ORGANISATIONS, path, mapping, bad, lambda _: None, lambda *_: None)
    try:
        return await run_import(job, call, secret=bytes(32))
    finally:
        await node.close()


def main() -> None:
    folder, path = map(Path, sys.argv[1:])
    began = time.perf_counter()
    report = uvloop.run(work(folder, path))
    spent = time.perf_counter() - began
    counts = report.summary
    print(
        json.dumps(
            {
                "seconds": spent,
                "rows": counts.read,
                "appended": counts.appended,
                "bad": counts.bad,
                "hints": len(report.duplicates),
            }
        )
    )


if __name__ == "__main__":
    main()
