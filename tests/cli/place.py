"""A coordinator and a member site in a folder, made once and copied for each test."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from sopro_cli.main import main
from sopro_node.documents import structured
from sopro_node.drafting import Draft
from sopro_node.node import Node
from tests.neighbours import neighbours
from tests.node.conftest import Federation

GRANTED = "SOPRO/AT0/001/00001"
REVOKED = "SOPRO/AT0/001/00002"
ORGANISATIONS = 300
ANNA = ("--decider", "Anna Gruber", "--new-person", "Anna Gruber")
"""Who decides; nobody minds that somebody who is known is called new."""


def sopro(*arguments: object, code: int | None = 0) -> Result:
    """Run a command in this process and hold it to an exit code."""
    result = CliRunner().invoke(main, [str(one) for one in arguments], catch_exceptions=False)
    if code is not None:
        assert result.exit_code == code, result.output + result.stderr
    return result


def told(text: str) -> str:
    """What a usage error says, without the box and its line breaks."""
    return " ".join(text.replace("│", " ").split())


@dataclass(frozen=True)
class Place:
    """A folder with `eeig`, which admits, and `at`, which has one label in force and one not."""

    folder: Path

    @property
    def eeig(self) -> Path:
        return self.folder / "eeig"

    @property
    def at(self) -> Path:
        return self.folder / "at"

    @property
    def invite(self) -> Path:
        return self.eeig / "invite.json"

    @contextmanager
    def database(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.at / "node.db")
        try:
            with connection:
                yield connection
        finally:
            connection.close()

    def indexes(self) -> dict[str, list[Any]]:
        """Every row that reindex makes, and every cursor."""
        tables = ("entity", "name", "label", "void", "decision_count")
        with self.database() as database:
            rows = {name: sorted(database.execute(f"SELECT * FROM {name}")) for name in tables}
            return {**rows, "log": database.execute("SELECT * FROM log ORDER BY id").fetchall()}

    def offering(self) -> str:
        holder = sopro(
            *("organisation", "add", self.at, "--legal-name", "Muster GmbH", "--country", "AT"),
            *("--identifier", "at.fn=123456a", "--locality", "Linz"),
        ).stdout.strip()
        return sopro(
            "offering", "add", self.at, "--organisation", holder, "--name", "de=Brot"
        ).stdout.strip()

    def decide(self, *arguments: object) -> dict[str, Any]:
        decider = () if "--decider" in arguments else ANNA
        decided = sopro("decide", self.at, *arguments, *decider, "--json")
        answer: dict[str, Any] = json.loads(decided.stdout)
        return answer


@contextmanager
def make_place(folder: Path) -> Iterator[Place]:
    """Found the coordinator and the site, admit it, and fill its register.

    Neither runs afterwards; whoever asks at their addresses hears that they hold nothing.
    """
    asyncio.run(_join(folder))
    place = Place(folder)
    with neighbours([place.eeig, place.at]):
        _write(place)
        yield place


def _write(place: Place) -> None:
    offering = place.offering()
    place.decide("grant", "--offering", offering, "--valid-until", "2028-01-01")
    place.decide("grant", "--offering", offering, "--valid-until", "2028-01-01")
    place.decide("revoke", REVOKED, "--reason", "misuse_of_mark", "--appeal-until", "2027-01-01")
    asyncio.run(_fill(place.at))


async def _join(folder: Path) -> None:
    federation = Federation(folder)
    await federation.coordinator()
    await federation.join("at", "AT")
    await federation.close()


async def _fill(folder: Path) -> None:
    node = await Node.open(folder)
    values = {
        "actor_type": "enterprise",
        "country": "AT",
        "effective_date": "2026-01-01",
        "status": "active",
    }
    drafts = [
        Draft(
            "organisation",
            values,
            documents=[structured("organisation", {"legal_name": f"Werk {number}"})],
        )
        for number in range(ORGANISATIONS)
    ]
    await node.log.append_all(drafts)
    await node.close()
