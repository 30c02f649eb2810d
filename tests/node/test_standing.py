"""How far a record has come is seen in the API, on the pages and in the metrics."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple

import aiohttp
import pytest

from sopro_node.node import Node
from sopro_node.standing import publish_policy
from sopro_protocol.policy import parse_policy
from tests.node.conftest import Federation, grant, until

pytestmark = pytest.mark.slow


class Pair(NamedTuple):
    """A site with a label, another that mirrors it, and how to ask them."""

    eeig: Node
    at: Node
    hu: Node
    session: aiohttp.ClientSession
    number: str

    async def get(self, node: Node, path: str, **headers: str) -> tuple[Mapping[str, str], str]:
        async with self.session.get(node.settings.public_url + path, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            return answer.headers, (await answer.read()).decode("utf-8", "replace")

    async def label(self, node: Node) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(
            (await self.get(node, f"/api/v1/labels/{self.number}"))[1]
        )
        return answer

    async def publish(self, *sites: str) -> None:
        await publish_policy(self.eeig, {"witnesses": sites, "faulty": 0})


@pytest.fixture
async def pair(federation: Federation) -> AsyncIterator[Pair]:
    eeig = (await federation.coordinator()).node
    at = (await federation.join("at", "AT")).node
    hu = (await federation.join("hu", "HU")).node
    number, _ = await grant(at)
    origin = at.identity.origin
    await until(lambda: hu.holdings.logs[origin].size == at.holdings.own.size)
    async with aiohttp.ClientSession() as session:
        yield Pair(eeig, at, hu, session, number)


async def test_a_label_is_published_then_witnessed_and_the_answer_follows(pair: Pair) -> None:
    """Also where the answer was asked for before and its log has not grown since."""
    for node in (pair.at, pair.hu):
        publication = (await pair.label(node))["publication"]
        assert (publication["accepted"], publication["published"]) == (True, True)
        assert publication["witnessed"] is False
    await until(lambda: pair.at.holdings.own.mirrored_size == pair.at.holdings.own.size)
    assert (await pair.label(pair.at))["publication"]["mirrored"] is True
    await pair.publish("at", "hu")
    origin = pair.at.identity.origin
    for node in (pair.at, pair.hu):
        held = node.holdings.logs[origin]
        await until(lambda log=held: log.witnessed_size == log.size)
        answer = await pair.label(node)
        assert answer["publication"] == dict.fromkeys(
            ("accepted", "published", "witnessed", "mirrored"), True
        )
        headers, _ = await pair.get(node, f"/api/v1/certificates/{pair.number}")
        assert headers["SoPro-Publication"] == "accepted, published, witnessed, mirrored"
    # A policy that nobody can meet takes the word back.
    await pair.publish("hu", "eeig")
    pair.at.cosigners._urls = lambda _site: []
    await until(
        lambda: pair.at.cosignatures.policy is not None and "at" not in pair.at.cosigners.witnesses
    )
    await grant(pair.at)
    assert pair.at.holdings.own.witnessed_size < pair.at.holdings.own.size


@pytest.mark.parametrize(
    ("language", "said", "nothing"),
    [
        ("en", "published and witnessed by other sites", "nothing is called witnessed"),
        ("de", "veröffentlicht und von anderen Stellen bezeugt", "bis dahin heißt nichts bezeugt"),
        ("hu", "közzétéve, és más irodák tanúsították", "addig semmi sem minősül tanúsítottnak"),
    ],
)
async def test_pages_say_it_in_three_languages(
    pair: Pair, language: str, said: str, nothing: str
) -> None:
    page = f"/label/{pair.number}?lang={language}"
    assert said not in (await pair.get(pair.hu, page))[1]
    assert nothing in (await pair.get(pair.at, f"/status?lang={language}"))[1]
    await pair.publish("at", "hu")
    held = pair.hu.holdings.logs[pair.at.identity.origin]
    await until(lambda: held.witnessed_size == held.size)
    assert said in (await pair.get(pair.hu, page))[1]
    status = (await pair.get(pair.at, f"/status?lang={language}"))[1]
    assert nothing not in status
    assert "at, hu" in status


async def test_the_policy_is_served_as_text_with_its_keys(pair: Pair) -> None:
    url = pair.at.settings.public_url + "/api/v1/witness-policy"
    async with pair.session.get(url) as answer:
        assert (answer.status, (await answer.json())["code"]) == (404, "not-found")
    await pair.publish("at", "hu")
    await until(lambda: pair.at.cosignatures.policy is not None)
    headers, text = await pair.get(pair.at, "/api/v1/witness-policy")
    assert headers["Content-Type"].startswith("text/plain")
    policy = parse_policy(text.encode())
    assert policy == pair.at.cosignatures.policy
    assert [witness.url for witness in policy.witnesses] == [
        f"{node.settings.public_url}/witness" for node in (pair.at, pair.hu)
    ]
    assert {log.key.name for log in policy.logs} == {
        node.identity.origin for node in (pair.eeig, pair.at, pair.hu)
    }


async def test_metrics_tell_of_witnesses(pair: Pair) -> None:
    await pair.publish("at", "hu")
    own = pair.at.holdings.own
    await until(lambda: own.witnessed_size == own.size)
    text = (await pair.get(pair.at, "/metrics"))[1]
    origin = own.origin
    assert f'sopro_log_witnessed_size{{origin="{origin}"}} {float(own.size)}' in text
    assert f'sopro_log_unwitnessed_seconds{{origin="{origin}"}} 0.0' in text
    assert 'sopro_witness_cosignatures_total{site="hu"}' in text
    assert 'sopro_witness_answers_total{answer="cosigned"}' in text
    assert "witness" in json.loads((await pair.get(pair.at, "/.well-known/sopro"))[1])["features"]
