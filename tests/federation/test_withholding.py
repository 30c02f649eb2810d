"""What is withheld is nowhere: not at its site, not at a mirror, on the disk or in an answer."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sopro_node.audit.directory import audit_directory
from sopro_node.audit.peer import audit_peer
from sopro_node.bundles import decompress
from sopro_node.identity import Invite
from sopro_node.keyring import load_ring
from sopro_node.store.sqlite import SqliteStore
from sopro_protocol.errors import SoproError
from sopro_protocol.keys import Role
from sopro_protocol.record import sign_record
from tests.federation.federation import SOPRO, Federation, Site, organisation, wait_until
from tests.federation.test_erasure import CANARIES, CANARY, frames, named
from tests.federation.test_fence import Copies

pytestmark = pytest.mark.slow

LOG = "/log/at/1"


def alone(reason: str) -> dict[str, Any]:
    return {"family": "serve_alone", "values": {"peers": 1, "reason": reason}}


def with_named_document(name: str) -> dict[str, Any]:
    """An organisation whose record names somebody, because its document is called so."""
    draft = named(name)
    [document] = draft["documents"]
    return draft | {"documents": [document | {"name": name}]}


def kept(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Go through every byte that a node keeps, and what is compressed in its database."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path), path.read_bytes()
    with closing(SqliteStore.open(folder, writing=False)) as store:
        for row in store.logs():
            for number in range(row.size // 256):
                frame = store.bundle(row.log, number) or b""
                yield f"{folder} bundle {number} of {row.origin}", decompress(frame)


def answered(site: Site, index: int) -> Iterator[tuple[str, bytes]]:
    paths = ["/", "/status", "/metrics", "/labels?q=Zaunk", "/api/v1/voids/at/1"]
    paths += ["/api/v1/organisations?site=at&limit=500", f"{LOG}/document/{index}/0"]
    for number in range(5):
        paths += [f"{LOG}/bundle/00{number}", f"{LOG}/tile/entries/00{number}"]
    size = int(site.checkpoint("at").split(b"\n", 2)[1])
    last = f"{size // 256:03}.p/{size % 256}"
    paths += [f"{LOG}/bundle/{last}", f"{LOG}/tile/entries/{last}"]
    for path in paths:
        for coding in ("identity", "zstd"):
            body = site.get(path, headers={"Accept-Encoding": coding}).body
            yield f"{path} ({coding})", body
            for content in frames(body):
                yield f"{path} ({coding}, inside)", content


def sightings(site: Site, index: int) -> list[str]:
    yields = [*kept(site.folder), ("log", site.log.read_bytes()), *answered(site, index)]
    return [
        f"{site.code}: {where} as {spelling}"
        for where, data in yields
        for spelling, canary in CANARIES.items()
        if canary in data
    ]


def put(site: Site, *drafts: dict[str, Any]) -> list[dict[str, Any]]:
    outcomes: list[dict[str, Any]] = site.call("append", drafts=list(drafts))["outcomes"]
    assert all("index" in one for one in outcomes), outcomes
    return outcomes


def withhold(site: Site, index: int) -> int:
    """Withhold an entry as the command does, without starting one."""
    [root] = load_ring(site.folder, Role.ROOT)
    plan = site.call("plan_withholding", index=index, reason="personal_data")
    entry = sign_record(plan["record"], [root.signer])
    record: int = site.call("put_withholding", entry=entry)["index"]
    return record


def withhold_by_command(site: Site, index: int) -> str:
    command = [str(SOPRO), "withhold", str(site.folder), str(index), "--reason", "personal_data"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def tables(node: Site, source: Site) -> dict[str, Any]:
    """Read all that a node has made of a log."""
    with closing(SqliteStore.open(node.folder, writing=False)) as store:
        [row] = [row for row in store.logs() if row.origin == source.origin]
        return {
            "entities": {
                entity: (one.family, one.head, one.state)
                for entity, one in store.all_entities(row.log)
            },
            "names": sorted(store.all_names(row.log)),
            "voids": store.voids(row.log, start=0, limit=10_000),
            "counts": sorted(one[1:] for one in store.decision_counts() if one[0] == row.log),
            "withheld": store.withheld(row.log),
            "cursor": row.cursor,
        }


def test_a_withheld_entry_is_found_nowhere(land: Federation) -> None:
    at, hu = land.start(["at", "hu"])
    mirrors = [land.coordinator, hu]
    put(at, *[organisation() for _ in range(300)])
    [holder] = put(at, with_named_document(CANARY))
    offering = {
        "effective_date": "2026-01-10",
        "kind": "product",
        "organisation": holder["entity"],
        "status": "published",
    }
    [thing] = put(at, {"family": "offering", "values": offering})
    [word] = put(at, alone(f"{CANARY} hat den Stecker gezogen"))
    put(at, *[organisation() for _ in range(800)])
    [late] = put(at, alone(CANARY))
    for mirror in mirrors:
        land.wait_for(mirror, at)
    wait_until(lambda: len(sightings(hu, holder["index"])) > 12, "it was seen here")
    hashes = at.get(f"{LOG}/tile/0/001").body
    told = withhold_by_command(at, holder["index"])
    assert f"withholds entry {holder['index']} (organisation/1)" in told
    for one in (word, late):
        withhold(at, one["index"])
    with pytest.raises(SoproError, match="is withheld"):
        withhold(at, word["index"])
    with pytest.raises(SoproError, match="is a log_state record"):
        withhold(at, late["index"] + 1)
    for site in (at, *mirrors):
        land.wait_for(site, at) if site is not at else None
        gone = f"{LOG}/tile/entries/001"
        wait_until(lambda site=site, gone=gone: site.get(gone).status == 410, "it is withheld")
        wait_until(lambda site=site: not sightings(site, holder["index"]), f"gone at {site.code}")
        assert site.get(f"{LOG}/tile/entries/000").status == 200
        assert site.get(f"{LOG}/tile/0/001").body == hashes
        assert site.get(f"{LOG}/proof/{word['index']}").status == 200
        voids = site.get("/api/v1/voids/at/1").json["voids"]
        assert [(one["index"], one["code"]) for one in voids] == [
            (one["index"], "entry.withheld") for one in (holder, word, late)
        ]
        assert voids[0]["message"].endswith("personal_data")
    fresh = land.new("fr")
    land.join(fresh)
    land.wait_for(fresh, at)
    assert sightings(fresh, holder["index"]) == []
    assert tables(fresh, at) == tables(hu, at) == tables(at, at)
    assert thing["entity"] in tables(fresh, at)["entities"]
    at.append(2)
    for mirror in (*mirrors, fresh):
        land.wait_for(mirror, at)
    for site in (at, *mirrors, fresh):
        report = audit_directory(site.folder, lambda *_: None)
        assert report.is_clean, report
    report = asyncio.run(audit_peer(fresh.url, Invite(**land.invite()), lambda *_: None))
    assert report.is_clean, report


def test_older_copies_drop_what_was_withheld_meanwhile(land: Federation) -> None:
    at, hu = land.start(["at", "hu"])
    [word] = put(at, alone(CANARY))
    put(at, *[organisation() for _ in range(300)])
    copies = []
    for site in (hu, at):
        land.wait_for(site, at) if site is not at else None
        site.stop()
        copies.append(Copies(site))
        copies[-1].keep()
        site.start()
    wait_until(lambda: at.status()["fence"]["state"] == "open", "at may append")
    withhold(at, word["index"])
    for mirror in (land.coordinator, hu):
        land.wait_for(mirror, at)
    for site, copy in zip((hu, at), copies, strict=True):
        site.stop()
        copy.put_back()
        assert any(
            CANARY.encode() in data for where, data in kept(site.folder) if "bundle" in where
        )
        site.start()
    for site in (at, hu):
        wait_until(
            lambda site=site: not sightings(site, word["index"]), f"{site.code} has dropped it"
        )
    land.wait_for(hu, at)
    assert tables(hu, at) == tables(at, at)
