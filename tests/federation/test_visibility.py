"""Who gets which document: its site, members, parties, everybody; and what the others are told."""

import dataclasses
import http.client
import re
from typing import Any

import pytest

from sopro_node.access import sign_request
from sopro_node.documents import NewDocument
from sopro_node.keyring import load_keys
from sopro_node.store.sqlite import SqliteStore
from sopro_protocol.keys import Role
from tests.federation.federation import Answer, Federation, Site, organisation, wait_until

pytestmark = pytest.mark.slow

LARGE = b"large " * 40_000
KINDS: list[dict[str, Any]] = [
    {"visibility": "public"},
    {"visibility": "members"},
    {"visibility": "parties", "parties": ("hu",)},
    {"visibility": "site"},
    {"visibility": "public", "content": LARGE},
]
"""The documents of one record, in this order."""


def register(site: Site) -> int:
    """Append a record with a document of each kind; return its position."""
    documents = [
        NewDocument(f"document {number}", **{"content": f"text {number}".encode()} | kind)
        for number, kind in enumerate(KINDS)
    ]
    draft = organisation() | {"documents": [dataclasses.asdict(one) for one in documents]}
    [outcome] = site.call("append", drafts=[draft])["outcomes"]
    return int(outcome["index"])


def held(site: Site, origin: str, position: int) -> list[int]:
    """Return the numbers of the documents that a node holds of a record."""
    store = SqliteStore.open(site.folder, writing=False)
    try:
        [log] = [row.log for row in store.logs() if row.origin == origin]
        return [number for at, number in store.documents.places(log) if at == position]
    finally:
        store.close()


def ask(by: Site, at: Site, path: str, *, role: Role = Role.ACCESS) -> Answer:
    """Ask as a site does."""
    signer = load_keys(by.folder, role)[role]
    return at.get(path, headers=sign_request("GET", at.url + path, signer))


def told(answer: Answer) -> tuple[int, object, dict[str, str]]:
    """Return what an answer tells besides the time, its own name and what was asked for."""
    body = answer.json
    body.pop("instance", None)
    body["detail"] = re.sub(r"[0-9]+", "N", body["detail"])
    headers = {name: value for name, value in answer.headers.items() if name != "date"}
    return answer.status, body, headers | {"content-length": ""}


def test_everybody_gets_what_is_meant_for_him(land: Federation) -> None:
    at, hu, fr = land.start(["at", "hu", "fr"])
    position = register(at)
    expected = {at: [0, 1, 2, 3, 4], hu: [0, 1, 2, 4], fr: [0, 1, 4], land.coordinator: [0, 4]}
    for site, numbers in expected.items():
        wait_until(
            lambda site=site, numbers=numbers: held(site, at.origin, position) == numbers,
            f"{site.code} holds {numbers}",
        )
    for number in range(len(KINDS)):
        path = f"/log/at/1/document/{position}/{number}"
        for server in (at, hu):
            assert (at.get(path).status == 200) == (number in (0, 4))
            assert (ask(fr, server, path).status == 200) == (number in (0, 1, 4))
            assert (ask(hu, server, path).status == 200) == (number in (0, 1, 2, 4))
            assert ask(land.coordinator, server, path).status == at.get(path).status


def test_others_are_told_what_they_are_told_of_what_is_absent(land: Federation) -> None:
    at, hu, fr = land.start(["at", "hu", "fr"])
    position = register(at)
    paths = [f"/log/at/1/document/{position}/{number}" for number in (1, 2, 3)]
    absent = f"/log/at/1/document/{position - 1}/1"
    stranger = land.new("si")
    land.coordinator.call("set_membership", site="fr", status="suspended")
    wait_until(lambda: fr.status()["membership"] == "suspended", "fr knows")
    wait_until(lambda: b"suspended" in at.get("/api/v1/members").body, "at knows")

    def answers(path: str) -> list[Answer]:
        return [
            at.get(path),
            ask(stranger, at, path),
            ask(fr, at, path),
            ask(hu, at, path, role=Role.REGISTRAR),
            ask(hu, at, path, role=Role.DECISION),
        ]

    nothing = told(at.get(absent))
    assert nothing[0] == 404
    for path in paths:
        for answer in answers(path):
            assert told(answer) == nothing
            assert len(answer.body) == len(at.get(path[:-1] + "9").body)
    assert ask(hu, at, paths[0]).body == b"text 1"


def test_a_signed_request_serves_once_and_at_one_address(land: Federation) -> None:
    at, hu = land.start(["at", "hu"])
    position = register(at)
    path = f"/log/at/1/document/{position}/1"
    signer = load_keys(hu.folder, Role.ACCESS)[Role.ACCESS]

    def send(headers: dict[str, str], *, path: str = path, method: str = "GET") -> int:
        try:
            return at.get(path, method=method, headers=headers).status
        except http.client.HTTPException:
            return 0

    once = sign_request("GET", at.url + path, signer)
    assert [send(once), send(once)] == [200, 404]
    assert send(sign_request("GET", at.url + path + "?x=1", signer), path=path + "?x=1") == 200
    for wrong in (
        sign_request("GET", hu.url + path, signer),
        sign_request("GET", at.url + path + "?x=1", signer),
        sign_request("GET", at.url + path[:-1] + "2", signer),
        sign_request("HEAD", at.url + path, signer),
    ):
        assert send(wrong) == 404
    fresh = sign_request("GET", at.url + path, signer)
    twice = {name: f"{value}, other={value.partition('=')[2]}" for name, value in fresh.items()}
    assert send(twice) == 404
    assert send({name: value * 4 for name, value in fresh.items()}) == 404
    assert send({"Signature": fresh["Signature"]}) == 404
    assert send(fresh) == 200
