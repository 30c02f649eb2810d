import asyncio
import dataclasses
import json

import pytest

from sopro_node.admission import make_application, receive_application
from sopro_node.config import load_settings
from sopro_node.node import Node
from sopro_protocol.policy import parse_policy
from tests.cli.place import Place, sopro


def test_the_coordinator_says_whose_cosignatures_count(place: Place) -> None:
    nothing = "no witness policy: nothing is called witnessed\n"
    assert sopro("members", "witnesses", place.eeig).stdout == nothing
    assert nothing in sopro("status", place.eeig).stdout
    said = sopro("members", "witnesses", place.eeig, "--site", "at", "--site", "eeig").stdout
    assert said == "2 of at, eeig; 0 may be faulty\n"
    assert sopro("members", "witnesses", place.eeig).stdout == said
    sopro("members", "witnesses", place.eeig, "--site", "eeig", "--quorum", "1")
    found = json.loads(sopro("members", "witnesses", place.eeig, "--json").stdout)
    assert found == {
        "witnesses": ["eeig"],
        "faulty": 0,
        "quorum": 1,
        "keys_known": True,
        "gone": [],
    }
    status = sopro("status", place.eeig).stdout
    assert "witnesses: 1 of eeig must cosign\n" in status
    assert "published, 0 witnessed, 0 mirrored\n" in status


@pytest.mark.parametrize(
    ("arguments", "said", "code"),
    [
        (("--site", "at", "--faulty", "1"), "a quorum of 2 is more than the 1 witnesses", 1),
        (("--site", "at", "--site", "at"), "a site is named twice", 1),
        (("--site", "fr"), "no member 'fr'", 1),
        (("--site", "A T"), "witness_policy: ", 65),
        (("--site", "at", "--faulty", "64"), "64 is not in the range", 2),
    ],
)
def test_a_policy_that_cannot_hold_is_refused(
    place: Place, arguments: tuple[str, ...], said: str, code: int
) -> None:
    result = sopro("members", "witnesses", place.eeig, *arguments, code=code)
    assert said in " ".join(result.stderr.replace("│", " ").split())


def test_only_the_coordinator_publishes_a_policy(place: Place) -> None:
    result = sopro("members", "witnesses", place.at, "--site", "at", code=1)
    assert "only the coordination node" in result.stderr


def test_the_policy_is_exported_for_others_tools(place: Place) -> None:
    result = sopro("policy", "export", place.eeig, code=1)
    assert "no witness policy" in result.stderr
    sopro("members", "witnesses", place.eeig, "--site", "eeig")
    text = sopro("policy", "export", place.eeig).stdout
    policy = parse_policy(text.encode())
    assert [witness.key.name for witness in policy.witnesses] == ["sopro.example/eeig/witness"]
    assert "sopro.example/eeig/1" in {log.key.name for log in policy.logs}
    assert policy.witnesses[0].url.startswith("http://127.0.0.1:")
    assert policy.witnesses[0].url.endswith("/witness")


def test_a_statement_of_conformance_is_recorded_with_its_last_day(place: Place) -> None:
    given = ("--conformance", "ab" * 32, "--conformance-until", "2001-02-03")
    sopro("members", "change", place.eeig, "at", *given)
    listed = sopro("members", "list", place.eeig)
    assert "  conformance until 2001-02-03  STALE" in listed.stdout
    assert "at's statement of conformance ended on 2001-02-03" in sopro("status", place.eeig).stdout
    refused = sopro("members", "change", place.eeig, "at", "--conformance", "ab", code=65)
    assert "--conformance: expected a SHA-256 digest" in refused.stderr


def test_says_what_waits_and_how_to_answer_it(place: Place) -> None:
    nothing = sopro("members", "inbox", place.eeig)
    assert (nothing.stdout, nothing.stderr) == ("", "nothing waits for this site\n")
    assert json.loads(sopro("members", "inbox", place.eeig, "--json").stdout) == []
    asyncio.run(ask_again(place))
    [item] = json.loads(sopro("members", "inbox", place.eeig, "--json").stdout)
    assert (item["kind"], item["site"], item["needed"]) == ("admission", "at", 0)
    lines = sopro("members", "inbox", place.eeig).stdout.splitlines()
    assert lines[0].startswith("admit at (AT, https://at.sopro.example), root key ")
    assert lines[1:] == [
        f"  sopro members admit {place.eeig} at",
        f"  otherwise: sopro members refuse {place.eeig} at",
    ]
    counted = f"1 act waits for this site's people: sopro members inbox {place.eeig}\n"
    assert counted in sopro("status", place.eeig).stdout
    sopro("members", "admit", place.eeig, "at")
    assert sopro("members", "inbox", place.eeig).stdout == ""


async def ask_again(place: Place) -> None:
    """Ask the coordinator to be admitted under another address."""
    settings = dataclasses.replace(load_settings(place.at), url="https://at.sopro.example")
    at = await Node.open(place.at, settings=settings)
    request = make_application(at)
    await at.close()
    eeig = await Node.open(place.eeig)
    await receive_application(eeig, request)
    await eeig.close()
