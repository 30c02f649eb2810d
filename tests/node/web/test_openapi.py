"""The API's description against what the API answers."""

import json
from typing import Any
from urllib.parse import quote

import aiohttp

from sopro_node.acts.catalogue import ACTS
from tests.node.conftest import Federation, grant


async def test_answers_are_what_the_description_says(federation: Federation) -> None:
    await federation.coordinator()
    at = await federation.join("at", "AT")
    number, _ = await grant(at.node)
    async with aiohttp.ClientSession() as session:

        async def get(path: str) -> Any:
            async with session.get(at.url + path) as answer:
                assert answer.status == 200, path
                return await answer.json()

        described = await get("/api/v1/openapi.json")
        schemas = described["components"]["schemas"]
        for name in set(json.dumps(described).split('"#/components/schemas/')[1:]):
            assert name.split('"')[0] in schemas
        # A client made from the description sends the number as one parameter.
        path = f"/api/v1/labels/{quote(number, safe='')}"
        assert await get(path) == await get(f"/api/v1/labels/{number}")
        for schema, answer in (
            ("LabelAnswer", await get(path)),
            ("Statistics", await get("/api/v1/statistics")),
            ("SiteCounts", (await get("/api/v1/statistics"))["sites"][0]),
        ):
            assert set(schemas[schema]["required"]) <= set(answer), schema
            assert set(answer) <= set(schemas[schema]["properties"]), schema
        limit = next(
            one
            for one in described["paths"]["/api/v1/labels"]["get"]["parameters"]
            if one["name"] == "limit"
        )
        least = limit["schema"]["minimum"]
        async with session.get(f"{at.url}/api/v1/labels?limit={least - 1}") as refused:
            assert refused.status == 400
            problem = await refused.json()
            assert set(schemas["Problem"]["required"]) <= set(problem)
        await get(f"/api/v1/labels?limit={least}")


async def test_every_act_is_described_with_what_it_is_told(federation: Federation) -> None:
    at = await federation.begin("at", "AT")
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{at.url}/api/v1/openapi.json") as answer,
    ):
        described = await answer.json()
    schemas = described["components"]["schemas"]
    text = json.dumps(described)
    assert {one.split('"')[0] for one in text.split('"#/components/schemas/')[1:]} <= set(schemas)
    assert r"\\Z" not in text, "no end of a pattern that other languages know"
    for act in ACTS.values():
        operation = described["paths"][f"/api/v1/office{act.path}"][act.method.lower()]
        told = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        properties = schemas[told.rpartition("/")[2]]["properties"]
        assert set(properties) == {*act.told.__struct_fields__}, act.name
        assert operation["security"] == [{"officer": []}]
        assert set(operation["responses"]) == {"201", "default"}
        assert all(role in operation["description"] for role in act.roles)
    names = [one["operationId"] for path in described["paths"].values() for one in path.values()]
    assert len(names) == len(set(names))
