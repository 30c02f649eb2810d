import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from tests.cli.place import GRANTED, REVOKED, Place, sopro

Damage = Callable[[Place], None]


def execute(statement: str, *values: object) -> Damage:
    def damage(place: Place) -> None:
        with place.database() as database:
            assert database.execute(statement, values).rowcount == 1

    return damage


def flip_bundle(place: Place) -> None:
    """Flip one bit of an entry inside the compressed frame of a full bundle."""
    with place.database() as database:
        [frame] = database.execute("SELECT entries FROM bundle WHERE log = 1").fetchone()
        content = bytearray(zstandard.ZstdDecompressor().decompress(frame, max_output_size=2**20))
        content[len(content) // 2] ^= 1
        frame = zstandard.ZstdCompressor().compress(bytes(content))
        database.execute("UPDATE bundle SET entries = ? WHERE log = 1", (frame,))


def flip_frame(place: Place) -> None:
    with place.database() as database:
        [frame] = database.execute("SELECT entries FROM bundle WHERE log = 1").fetchone()
        damaged = bytes([frame[0] ^ 1]) + frame[1:]
        database.execute("UPDATE bundle SET entries = ? WHERE log = 1", (damaged,))


def flip_entry(place: Place) -> None:
    with place.database() as database:
        position, data = database.execute(
            "SELECT position, data FROM entry WHERE log = 1 ORDER BY position"
        ).fetchone()
        damaged = data[:-1] + bytes([data[-1] ^ 1])
        database.execute("UPDATE entry SET data = ? WHERE position = ?", (damaged, position))


def flip_document(place: Place) -> None:
    with place.database() as database:
        position, content = database.execute(
            "SELECT position, content FROM document WHERE log = 1 ORDER BY position"
        ).fetchone()
        damaged = content[:-1] + bytes([content[-1] ^ 1])
        database.execute("UPDATE document SET content = ? WHERE position = ?", (damaged, position))


def other_log_key(place: Place) -> None:
    shutil.copy(place.at / "keys" / "witness.pem", place.at / "keys" / "log.pem")


def flip_head(place: Place) -> None:
    with place.database() as database:
        [note] = database.execute("SELECT checkpoint FROM log WHERE id = 2").fetchone()
        other = b"B" if note[-9:-8] == b"A" else b"A"
        damaged = note[:-9] + other + note[-8:]
        database.execute("UPDATE log SET checkpoint = ? WHERE id = 2", (damaged,))


DAMAGES: list[tuple[str, Damage, str]] = [
    ("entry in a bundle", flip_bundle, "bundle 0 (entries 0 to 255): its entries lead to another"),
    ("entry in a bundle, by its number", flip_bundle, "entry 1"),
    ("frame of a bundle", flip_frame, "bundle 0 (entries from 0 on): "),
    ("entry behind the last bundle", flip_entry, "entry 256: stored as one that counts, but "),
    ("root", flip_entry, "entries lead to another root than the stored one"),
    (
        "status of a label",
        execute("UPDATE label SET status = 1 WHERE number = ?", REVOKED),
        f"label {REVOKED}: the row it is found and counted by is not what its entries say",
    ),
    (
        "label",
        execute("DELETE FROM label WHERE number = ?", GRANTED),
        f"label {GRANTED}: the row it is found and counted by",
    ),
    (
        "state of a label",
        execute(
            "UPDATE entity SET state = x'90' WHERE entity = "
            "(SELECT entity FROM label WHERE number = ?)",
            GRANTED,
        ),
        f"label {GRANTED}: the stored state is not what its entries say",
    ),
    (
        "head of an entity",
        execute(
            "UPDATE entity SET head = zeroblob(32) WHERE entity = "
            "(SELECT entity FROM label WHERE number = ?)",
            GRANTED,
        ),
        f"label {GRANTED}: the stored head is not the last entry on it",
    ),
    (
        "entity",
        execute(
            "DELETE FROM entity WHERE entity = (SELECT entity FROM label WHERE number = ?)",
            GRANTED,
        ),
        f"label {GRANTED}: not stored, but its entries are here",
    ),
    (
        "entity from nowhere",
        execute("INSERT INTO entity VALUES (1, zeroblob(16), 1, zeroblob(32), 0, NULL)"),
        f"{'00' * 16}: stored, but no entry speaks of it",
    ),
    (
        "void from nowhere",
        execute("INSERT INTO void VALUES (1, 9, 'sig.invalid', 'made up')"),
        "entry 9: stored as void (sig.invalid), but it counts",
    ),
    (
        "count of decisions",
        execute("UPDATE decision_count SET count = 7 WHERE action = 'revoke'"),
        "count of revoke in 2026: stored 7, the entries say 1",
    ),
    (
        "name",
        execute("DELETE FROM name WHERE log = 2 AND name = 'prefix AT0'"),
        "name 'prefix AT0' of site_membership: stored nothing, the entries say ",
    ),
    ("document", flip_document, "content and key do not match the commitment"),
    (
        "lost document",
        execute("DELETE FROM document WHERE position = 20"),
        "document 0 of entry 20 is gone",
    ),
    (
        "what is stored beside the log",
        execute("UPDATE log SET cursor = x'c1' WHERE id = 2"),
        "what is stored beside a log cannot be read",
    ),
    ("signed head", flip_head, "signed head: note: signature of 'sopro.example/eeig/1'"),
    ("key of the log", other_log_key, "keys/log.pem is not the key that the log names"),
]


def test_sound_directory_is_clean(place: Place) -> None:
    result = sopro("audit", place.at)
    assert result.stdout.splitlines()[-1] == "clean"
    assert "sopro.example/at/1: " in result.stdout


def test_report_is_there_for_programs(place: Place) -> None:
    report = json.loads(sopro("audit", place.at, "--json").stdout)
    eeig, at = report["logs"]
    assert report["clean"] is True
    assert (at["origin"], at["labels"], at["problems"]) == ("sopro.example/at/1", 2, [])
    assert eeig["signed_size"] == eeig["entries"] > 0
    assert at["documents"] == 302


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [(damage, sentence) for _, damage, sentence in DAMAGES],
    ids=[name for name, _, _ in DAMAGES],
)
def test_names_what_was_damaged(place: Place, damage: Damage, sentence: str) -> None:
    damage(place)
    result = sopro("audit", place.at, code=76)
    assert sentence in result.stdout
    assert "not clean" in result.stdout.splitlines()[-1]


def test_leaves_the_directory_as_it_was(place: Place) -> None:
    before = place.indexes()
    sopro("audit", place.at)
    assert place.indexes() == before


def test_directory_without_a_node_is_told_apart(tmp_path: Path) -> None:
    result = sopro("audit", tmp_path, code=65)
    assert f"{tmp_path}: no node here" in result.stderr


def test_url_that_nobody_serves_is_a_matter_of_trying_later() -> None:
    result = sopro("audit", "http://127.0.0.1:9", code=75)
    assert "http://127.0.0.1:9/.well-known/sopro: Cannot connect" in result.stderr
