"""What `view` and `sync` of the adapter protocol ask of a node (conformance/README.md)."""

from collections.abc import Mapping
from typing import Any, Final

from sopro_cli.candidate import Candidate

_PAGE: Final = 500


def pull(candidate: Candidate, origin: str) -> dict[str, Any]:
    """Have it pull one log, or all, and say how that went."""
    pulled = candidate.call("sync", origin=origin)["pulled"]
    chosen = {origin: pulled.get(origin, {})} if origin else pulled
    return {
        "peers": {
            name: {"size": one.get("size", 0), **({"code": one["code"]} if "code" in one else {})}
            for name, one in chosen.items()
        }
    }


def view(candidate: Candidate, request: Mapping[str, Any]) -> dict[str, Any]:
    """Say what it makes of a log, a label or the members."""
    if "origin" in request:
        return _view_log(candidate, str(request["origin"]))
    if "label" in request:
        return _view_label(candidate, str(request["label"]), str(request.get("day", "")))
    members = candidate.call("members")["members"]
    return {"members": {one["site"]: one["status"] for one in members}}


def _view_log(candidate: Candidate, origin: str) -> dict[str, Any]:
    path = origin.partition("/")[2]
    status = candidate.call("status")
    mirror: Mapping[str, Any] = next(
        (one for one in status["mirrors"] if one["origin"] == origin), {}
    )
    said: dict[str, Any] = {"void": _voids(candidate, path)}
    if mirror and mirror["judged"] < mirror["size"]:
        said["waits_at"] = mirror["judged"]
    answer: dict[str, Any] = {"logs": {origin: said}}
    code, note = candidate.get(f"/log/{path}/checkpoint")
    if code == 200:
        _, size, root = note.decode().split("\n")[:3]
        answer |= {"size": int(size), "root": root}
    answer["witnessed"] = int((mirror or status["publication"])["witnessed"])
    if mirror:
        problem = mirror["problem"]
        answer["stale"] = problem is not None or mirror["lag_seconds"] is None
        answer["since"] = mirror["confirmed_at"] or ""
        answer["code"] = problem["code"] if problem else ""
    return answer


def _voids(candidate: Candidate, path: str) -> dict[str, str]:
    found: dict[str, str] = {}
    start = 0
    while True:
        page = candidate.get_json(f"/api/v1/voids/{path}?limit={_PAGE}&start={start}")
        voids = page["voids"] if page else []
        found |= {str(one["index"]): one["code"] for one in voids}
        if len(voids) < _PAGE:
            return found
        start = voids[-1]["index"] + 1


def _view_label(candidate: Candidate, number: str, day: str) -> dict[str, Any]:
    asked = f"?at={day}" if day else ""
    label = candidate.get_json(f"/api/v1/labels/{number}{asked}")
    if label is None:
        return {"labels": {}}
    since = label["on_record_since"]
    said = {
        "status": str(label["status"]).partition(":")[0],
        "site": label["site"],
        "decisions": len(label["history"]),
        "recorded_late": "recorded_late" in label["overlays"],
    }
    return {"labels": {number: said | ({"on_record": since} if since else {})}}


def held_evidence(candidate: Candidate) -> dict[str, Any]:
    """Hand over every evidence file it keeps."""
    kept = candidate.call("evidence")["evidence"]
    files = [candidate.call("evidence_file", id=one["id"])["content"] for one in kept]
    return {"evidence": files}
