"""What is erased is nowhere: not at its site, not at a mirror, on the disk or in an answer."""

import base64
import dataclasses
import random
import signal
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import zstandard

from sopro_node.documents import structured
from sopro_node.store.sqlite import SqliteStore
from sopro_registry.terms import words_asked
from tests.federation.federation import Federation, Site, kill, organisation, wait_until

pytestmark = pytest.mark.slow

CANARY = "Zaunkönig Öztürk-Çelik"
REASON = {"reason": "request", "deadline": "2099-12-31"}


def spellings(text: str) -> dict[str, bytes]:
    """Return a text as it may stand anywhere."""
    plain = text.encode()
    found = {"UTF-8": plain, "hex": plain.hex().encode()}
    found |= {name: text.encode(name) for name in ("utf-16-le", "utf-16-be", "utf-32-le")}
    found["ascii"] = text.encode("ascii", "backslashreplace")
    # As a directory is searched: what a word is folded to, whole or without its beginning.
    for word in (one for words in words_asked(text) for one in words):
        found[f"word {word}"] = word[1:].encode()
    for shift in range(3):
        # Of the base64 of something longer, the characters that depend on this text alone.
        coded = base64.b64encode(bytes(shift) + plain)
        found[f"base64 at {shift}"] = coded[4 * (shift > 0) : -4]
    return found


CANARIES = spellings(CANARY)


def named(name: str, *, size: int = 0, visibility: Any = "public") -> dict[str, Any]:
    """An organisation whose document names it, of at least a size."""
    fields = {"legal_name": name, "locality": "Graz", "note": "x" * size + name}
    document = structured("organisation", fields, visibility=visibility)
    return organisation() | {"documents": [dataclasses.asdict(document)]}


def frames(data: bytes) -> Iterator[bytes]:
    """Go through what is compressed in a body."""
    stream = data
    while stream.startswith(b"\x28\xb5\x2f\xfd"):
        reader = zstandard.ZstdDecompressor().decompressobj()
        yield reader.decompress(stream)
        stream = reader.unused_data


def places_of(site: Site, entities: dict[str, int]) -> Iterator[tuple[str, bytes]]:
    """Go through every byte a node keeps and what it answers."""
    for path in sorted(site.folder.rglob("*")):
        if path.is_file():
            yield str(path), path.read_bytes()
    yield "log", site.log.read_bytes()
    paths = [
        "/",
        "/labels?q=Zaunk",
        "/api/v1/directory/organisations?q=zaunkoenig",
        "/status",
        "/metrics",
        "/api/v1/organisations?site=at&limit=500",
    ]
    paths += ["/log/at/1/bundle/000", "/log/at/1/tile/entries/000"]
    paths += [f"/log/at/1/document/{index}/0" for index in entities.values()]
    paths += [f"/api/v1/organisations/at/{entity}" for entity in entities]
    paths += [f"/organisation/at/{entity}" for entity in list(entities)[:3]]
    for path in paths:
        for coding in ("identity", "zstd", "gzip"):
            answer = site.get(path, headers={"Accept-Encoding": coding})
            yield f"{path} ({coding})", answer.body
            for content in frames(answer.body):
                yield f"{path} ({coding}, inside)", content


def sightings(site: Site, entities: dict[str, int]) -> list[str]:
    return [
        f"{site.code}: {where} as {spelling}"
        for where, data in places_of(site, entities)
        for spelling, canary in CANARIES.items()
        if canary in data
    ]


def keys_of(site: Site, entities: dict[str, int]) -> list[bytes]:
    store = SqliteStore.open(site.folder, writing=False)
    rows = [store.documents.get(1, index, 0) for index in entities.values()]
    store.close()
    return [row.key for row in rows if row is not None]


def register(site: Site, *drafts: dict[str, Any]) -> dict[str, int]:
    outcomes = site.call("append", drafts=list(drafts))["outcomes"]
    return {one["entity"].hex(): one["index"] for one in outcomes}


def test_an_erased_name_is_found_nowhere(land: Federation) -> None:
    at, hu, fr = land.start(["at", "hu", "fr"])
    mirrors = [land.coordinator, hu, fr]
    rng = random.Random(7)
    entities: dict[str, int] = {}
    # Among others of all sizes, so that pages split and move around it.
    for _ in range(12):
        crowd = [named(f"Firma {rng.random()}", size=rng.randrange(3000)) for _ in range(30)]
        canary = named(CANARY, size=rng.choice((0, 900, 20_000)))
        entities |= dict([list(register(at, *crowd[:15], canary, *crowd[15:]).items())[15]])
    hidden = named(CANARY, visibility="members")
    entities |= register(at, hidden)
    assert len(entities) == 13
    for mirror in mirrors:
        land.wait_for(mirror, at)
    keys = keys_of(at, entities)
    assert len(keys) == 13
    for site in (at, *mirrors):
        seen = sightings(site, entities)
        assert any("node.db" in one for one in seen)
        assert any("/log/at/1/document" in one for one in seen)
        assert any("node.db" in one and "zaunkoenig" in one for one in seen)
    for entity in entities:
        [done] = at.call("erase", entity=bytes.fromhex(entity), **REASON)["erased"]
        assert (done["index"], done["document"]) == (entities[entity], 0)
    wait_until(lambda: at.status()["erasures"] == [], "every mirror has confirmed")
    for site in (at, *mirrors):
        assert sightings(site, entities) == []
        everything = b"".join(data for _, data in places_of(site, entities))
        assert not any(key in everything for key in keys)
    # Proofs and audits go on, and those that were not erased are there.
    fresh = land.new("si")
    land.join(fresh)
    land.wait_for(fresh, at)
    assert sightings(fresh, entities) == []
    assert b"Firma 0." in fresh.get("/api/v1/organisations?site=at&limit=500").body


def test_a_mirror_that_was_away_erases_when_it_is_back(land: Federation) -> None:
    at, hu, fr = land.start(["at", "hu", "fr"])
    entities = register(at, named(CANARY))
    for mirror in (land.coordinator, hu, fr):
        land.wait_for(mirror, at)
    assert hu.process is not None
    kill(hu.process, signal.SIGKILL)
    hu.process = None
    [entity] = entities
    at.call("erase", entity=bytes.fromhex(entity), **REASON)
    wait_until(lambda: [one["missing"] for one in at.status()["erasures"]] == [["hu"]], "but hu")
    page = at.get("/status", headers={"Accept-Language": "de"}).body.decode()
    assert "nicht bestätigt von: hu." in page
    assert b'sopro_erasures_unconfirmed{late="false"} 1.0' in at.get("/metrics").body
    hu.start()
    wait_until(lambda: at.status()["erasures"] == [], "hu has confirmed too")
    assert sightings(hu, entities) == []


def test_who_looks_after_a_site_that_is_gone_erases_for_it(land: Federation) -> None:
    """Somebody who asks to be forgotten by a site that has left has somebody to ask."""
    at, hu, fr = land.start(["at", "hu", "fr"])
    entities = register(at, named(CANARY), named("Firma 0"))
    other = list(entities)[1]
    del entities[other]
    hidden = register(at, named(CANARY, visibility="members"))
    for mirror in (land.coordinator, hu, fr):
        land.wait_for(mirror, at)
    everything = entities | hidden
    wait_until(lambda: len(keys_at(hu, at, everything)) == 2, "what members may see has come")
    keys = keys_at(hu, at, everything)
    at.stop()
    land.coordinator.call("set_membership", site="at", status="expelled", successor="hu")
    wait_until(lambda: hu.call("members")["members"] and is_gone(hu, at), "hu knows that it is")
    for one in everything:
        hu.call("erase", entity=bytes.fromhex(one), site="at", **REASON)
    wait_until(lambda: hu.status()["erasures"] == [], "every mirror has confirmed")
    for site in (land.coordinator, hu, fr):
        assert sightings(site, everything) == []
        found = b"".join(data for _, data in places_of(site, everything))
        assert not any(key in found for key in keys)
        assert b"Firma 0" in found
    # Who comes later takes none of it from anybody, and the site itself neither.
    fresh = land.new("si")
    land.join(fresh)
    land.wait_for(fresh, hu)
    wait_until(lambda: b"Firma 0" in organisations(fresh), "the others are there")
    assert sightings(fresh, everything) == []
    at.start()
    wait_until(lambda: keys_at(at, at, everything) == [], "it is gone there, too")
    wait_until(lambda: not at.status()["residue"], "nothing is left on its disk")
    assert sightings(at, everything) == []


def organisations(site: Site) -> bytes:
    return site.get("/api/v1/organisations?site=at&limit=500").body


def is_gone(site: Site, gone: Site) -> bool:
    members = site.call("members")["members"]
    return any(one["site"] == gone.code and one["status"] == "expelled" for one in members)


def keys_at(site: Site, origin: Site, entities: dict[str, int]) -> list[bytes]:
    """Return the keys of documents of a log, as a node holds them."""
    with closing(SqliteStore.open(site.folder, writing=False)) as store:
        [log] = [row.log for row in store.logs() if row.origin == origin.origin]
        rows = [store.documents.get(log, index, 0) for index in entities.values()]
    return [row.key for row in rows if row is not None]
