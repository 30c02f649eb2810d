"""Labels that change sites, told by real nodes and by the commands that people use."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.cli.place import ANNA, sopro
from tests.federation.federation import Federation, Site, wait_until

pytestmark = pytest.mark.slow

NUMBERS = [f"SOPRO/AT0/001/{number:05}" for number in range(1, 5)]
SOLD, SUSPENDED, OFFERED, LEFT = NUMBERS


def register(site: Site, name: str) -> str:
    """Add an organisation by hand."""
    named = ("--legal-name", name, "--country", "AT", "--locality", "Bruck")
    return sopro("organisation", "add", site.folder, *named).stdout.strip()


def grant(site: Site, owner: str, name: str) -> str:
    """Grant a label on a new offering and return its number."""
    named = ("--organisation", owner, "--name", f"de={name}")
    offering = sopro("offering", "add", site.folder, *named).stdout.strip()
    done = sopro(
        *("decide", site.folder, "grant", "--offering", offering, "--valid-until", "2028-01-01"),
        *ANNA,
    )
    return done.stdout.split()[0]


def meet(land: Federation, sites: Sequence[Site]) -> None:
    """Wait until every node has judged what every site has written."""
    for source in sites:
        for node in land.sites.values():
            if node is not source:
                land.wait_for(node, source)


def told(land: Federation, number: str) -> dict[str, Any]:
    """Return what all nodes say of a label, which must be one thing."""
    answers = {}
    for code, site in land.sites.items():
        answers[code] = site.get(f"/api/v1/labels/{number}").json
        del answers[code]["publication"]
    first = answers["eeig"]
    assert answers == dict.fromkeys(answers, first)
    return dict(first)


def where(answer: dict[str, Any]) -> tuple[str, str, list[str]]:
    return answer["site"], answer["status"], [one["state"] for one in answer["transfers"]]


def counts(land: Federation) -> dict[str, dict[str, int]]:
    """Return the labels of each site, which every node must count alike."""
    answers = [
        {one["site"]: one["labels"] for one in site.get("/api/v1/statistics").json["sites"]}
        for site in land.sites.values()
    ]
    assert answers == [answers[0]] * len(answers)
    return answers[0]


def test_labels_change_sites_and_everybody_tells_the_same(land: Federation) -> None:
    at, hu, fr = sites = land.start(["at", "hu", "fr"])
    owner, other = register(at, "Grenzwerk"), register(at, "Talwerk")
    found = [grant(at, owner, "Brot"), grant(at, owner, "Käse")]
    assert [*found, grant(at, other, "Seife"), grant(at, other, "Wolle")] == NUMBERS
    suspended = ("--reason", "other", "--suspended-until", "2027-06-01")
    sopro("decide", at.folder, "suspend", SUSPENDED, *suspended, *ANNA)

    # An organisation moves.
    sopro("transfer", "out", at.folder, "--organisation", owner, "--to", "hu", *ANNA)
    sopro("transfer", "out", at.folder, OFFERED, "--to", "fr", *ANNA)
    meet(land, sites)
    assert where(told(land, SOLD)) == ("at", "transferred", ["offered"])
    offered = sopro("transfer", "offers", hu.folder).stdout.splitlines()
    assert [line.split()[0] for line in offered] == [SOLD, SUSPENDED]
    assert sopro("transfer", "in", hu.folder, *ANNA).stdout.splitlines() == [
        f"{SOLD} taken over from at: active",
        f"{SUSPENDED} taken over from at: suspended",
    ]
    revoked = ("--reason", "other", "--appeal-until", "2027-12-01")
    assert sopro("decide", hu.folder, "revoke", SOLD, *revoked, *ANNA).stdout == f"{SOLD} revoked\n"
    meet(land, sites)
    assert where(told(land, SOLD)) == ("hu", "revoked", ["completed"])
    assert where(told(land, SUSPENDED)) == ("hu", "suspended", ["completed"])
    assert where(told(land, OFFERED)) == ("at", "transferred", ["offered"])
    assert counts(land)["hu"] == {"revoked": 1, "suspended": 1}
    assert counts(land)["at"] == {"active": 1, "transferred": 1}
    refused = sopro("decide", at.folder, "reinstate", SUSPENDED, *ANNA, code=1).stderr
    assert "has been taken over by hu, which decides on it now" in refused

    # A certificate of the new site holds that of the old one.
    invite = land.coordinator.folder / "invite.json"
    file = fr.folder.parent / "label.sopro"
    sopro("certificate", "get", SUSPENDED, "--url", fr.url, "-o", file)
    verified = sopro("certificate", "verify", file, "--invite", invite, code=10).stdout
    assert "the label went from site to site: at, hu" in verified
    sopro("certificate", "get", OFFERED, "--url", hu.url, "-o", file)
    verified = sopro("certificate", "verify", file, "--invite", invite, code=14).stdout
    assert "the label was transferred: at has handed it over to fr" in verified

    # A site is expelled; its successor takes over what it has left, and nothing else.
    land.coordinator.call("set_membership", site="at", status="expelled", successor="hu")
    for site in (hu, fr):
        land.wait_for(site, land.coordinator)
    assert where(told(land, LEFT)) == ("at", "active", [])
    taken = sopro("transfer", "in", hu.folder, *ANNA).stdout
    assert taken == f"{LEFT} taken over from at: active\n"
    for node in land.sites.values():
        if node is not hu:
            land.wait_for(node, hu)
    answer = told(land, LEFT)
    assert where(answer) == ("hu", "active", ["completed"])
    assert (answer["membership"], answer["transfers"][0]["is_succession"]) == ("admitted", True)
    assert where(told(land, OFFERED)) == ("at", "transferred", ["offered"])
    listed = [one["number"] for one in fr.get("/api/v1/labels?site=hu").json["labels"]]
    assert listed == [SOLD, SUSPENDED, LEFT]
    sopro("audit", fr.url, "--invite", invite)
    wait_until(lambda: counts(land)["hu"].get("active") == 1, "everybody counts what is left")

    # What a node has made of it is what anybody makes of its entries again.
    shown = sopro("label", "show", LEFT, "--dir", fr.folder).stdout
    assert "hu decides on it since" in shown
    assert "as the successor of at, which has gone" in shown
    fr.stop()
    sopro("audit", fr.folder)
    sopro("reindex", fr.folder)
    assert sopro("label", "show", LEFT, "--dir", fr.folder).stdout == shown
