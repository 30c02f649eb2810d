"""VER-01, VER-02 and ERR-07: what a node says of itself, and the time it goes by."""

from itertools import pairwise
from typing import Any, Final

from sopro_conformance.case import case
from sopro_conformance.cases.asked import is_problem
from sopro_conformance.cases.published import append, read_past
from sopro_conformance.plain import read_json
from sopro_conformance.trial import Trial
from sopro_conformance.world.client import Client, words

_FIELDS: Final = {
    "site": str,
    "federation": str,
    "origin": str,
    "role": str,
    "country": str,
    "name": dict,
    "languages": list,
    "zone": str,
    "keys": list,
    "log": str,
    "mirrors": list,
    "versions": list,
    "profiles": list,
    "features": list,
    "limits": dict,
}


async def discovery(trial: Trial, client: Client) -> dict[str, Any]:
    """Return what a node says of itself."""
    reply = await client.ask("/.well-known/sopro")
    try:
        found = read_json(reply.body, "/.well-known/sopro")
    except ValueError:
        found = None
    trial.need(isinstance(found, dict), f"/.well-known/sopro: {words(reply)}")
    return dict(found)


@case(
    "VER-01",
    "A node serves what it declares.",
    clauses="EXCH-2 EXCH-13 EXCH-1 EXCH-16",
    profiles="publisher",
    verbs="start",
    by_url=True,
)
async def truthful(trial: Trial) -> None:
    """Compare the discovery document with what is served."""
    client = await trial.node()
    said = await discovery(trial, client)
    missing = [name for name, kind in _FIELDS.items() if not isinstance(said.get(name), kind)]
    trial.check(
        "its fields",
        holds=not missing,
        expected="those of EXCH-13, in their types",
        actual=f"missing or of another type: {missing}" if missing else "as expected",
    )
    trial.need(not missing, "the rest rests on these fields")
    federation, site = said["federation"], said["site"]
    trial.check(
        "who it is",
        holds=said["origin"] == client.origin
        and client.origin.startswith(f"{federation}/{site}/")
        and said["log"] == client.prefix
        and said["role"] in ("site", "coordinator")
        and "1" in said["versions"],
        expected=f"{client.origin} at {client.prefix}, version 1",
        actual=str({name: said[name] for name in ("origin", "log", "role", "versions")}),
    )
    await _keys(trial, client, said["keys"])
    await _paths(trial, client, said)


async def _keys(trial: Trial, client: Client, keys: list[Any]) -> None:
    await client.read()
    named = {
        (one["role"], one["public"].hex())
        for record in client.records()
        if record.get("family") == "site_keys/1"
        for one in [*record["body"]["keys"], {"role": "root", "public": record["body"]["root"]}]
    }
    told = {
        (one.get("role"), str(one.get("public")).lower()) for one in keys if isinstance(one, dict)
    }
    trial.check(
        "its keys",
        holds=named - told <= {one for one in named if one[0] == "root"} and told <= named,
        expected="those that the log's key records name",
        actual=f"not told: {sorted(named - told)}, not in the log: {sorted(told - named, key=str)}",
    )


async def _paths(trial: Trial, client: Client, said: dict[str, Any]) -> None:
    """Ask for whatever is declared."""
    wanted = {f"{said['log']}/checkpoint": "GET"}
    wanted |= {f"{one}/checkpoint": "GET" for one in said["mirrors"] if isinstance(one, str)}
    if "W" in said["profiles"] or "witness" in said["features"]:
        wanted["/witness/add-checkpoint"] = "POST"
    by_feature = {
        "events": "/events",
        "bundles": f"{client.prefix}/bundle/000.p/1",
        "evidence": "/evidence",
    }
    wanted |= {path: "GET" for name, path in by_feature.items() if name in said["features"]}
    for path, method in wanted.items():
        asked = "HEAD" if path == "/events" else method
        body = b"old 0\n\n" if method == "POST" else None
        reply = await client.ask(path, method=asked, body=body)
        if path.endswith("/bundle/000.p/1") and len(client.entries) >= 256:
            reply = reply if reply.status == 200 else await client.ask(path.removesuffix(".p/1"))
        expected = 400 if method == "POST" else 200
        trial.check(
            f"{asked} {path}",
            holds=reply.status == expected,
            expected=f"{expected}, as declared",
            actual=words(reply)[:160],
        )


@case(
    "VER-02",
    "A version that a node does not have is not answered in another one.",
    clauses="ERR-1 EXCH-2",
    profiles="publisher",
    verbs="start",
    by_url=True,
)
async def unknown_version(trial: Trial) -> None:
    """Ask for version 9 of what there is in version 1."""
    client = await trial.node()
    said = await discovery(trial, client)
    trial.need("1" in said.get("versions", ()), "version 1 is not declared")
    for path in ("/api/v9/witness-policy", "/api/v9/labels", "/api/v01/witness-policy"):
        await is_problem(trial, client, path, 404, "not-found")


@case(
    "ERR-07",
    "A clock that is wrong never makes the times of a log fall.",
    clauses="REC-8 VOID-17",
    profiles="publisher",
    verbs="start stop clock append",
)
async def clocks(trial: Trial) -> None:
    """Put the clock ahead and back, append, and look at the times in the log."""
    client = await trial.member()
    scene = trial.scene
    try:
        for offset in (7200, -7200):
            await scene.ask("stop")
            await scene.ask("clock", offset=offset)
            await scene.ask("start")
            answer = await trial.candidate.ask("append", records=[])
            trial.need(not answer.error, f"append: {answer.words}")
            [*_, last] = await append(trial, 1)
            await read_past(trial, client, last)
    finally:
        await scene.ask("stop")
        await scene.ask("clock", offset=0)
        await scene.ask("start")
    times = [record["time"] for record in client.records() if isinstance(record.get("time"), int)]
    falls = [at for at, (one, two) in enumerate(pairwise(times)) if two < one]
    trial.check(
        "the times of its records, two hours ahead and then two hours behind",
        holds=not falls,
        expected="never fall",
        actual=f"fall behind entries {falls[:5]}" if falls else "as expected",
    )
