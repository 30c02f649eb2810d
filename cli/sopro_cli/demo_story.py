"""The story that `sopro demo --once` tells: a label's life, a revocation, a liar who is caught."""

import asyncio
import hashlib
import time
from collections.abc import Collection, Sequence
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from sopro_cli.demo_nodes import DemoError, DemoNode, run_command, stop_all, wait_until
from sopro_cli.output import show
from sopro_node.fetch import Fetch, Fetched
from sopro_node.keyring import load_keys
from sopro_node.reach import ANYWHERE
from sopro_protocol.checkpoint import Checkpoint, parse_checkpoint_text, sign_checkpoint
from sopro_protocol.cosignature import AddCheckpoint, format_add_checkpoint
from sopro_protocol.keys import Role
from sopro_protocol.merkle import Hash
from sopro_protocol.note import parse_note

_SOON: Final = 1.0
_LONGEST: Final = 30.0
_GLANCE: Final = 0.01
_MAX_JSON: Final = 16 * 1024 * 1024


class Story:
    """What a federation is for, step by step, each step checked."""

    def __init__(self, nodes: Sequence[DemoNode], place: Path, invite: str) -> None:
        self._nodes = nodes
        self._coordinator, self._at, self._hu = nodes
        self._place = place
        self._invite = invite

    def tell(self) -> None:
        """Tell it.

        Raises:
            DemoError: a step did not come out as it must.
        """
        number = self._grant()
        self._see(number, "active")
        self._certify(number, code=0)
        self._revoke(number)
        self._see(number, "revoked")
        self._certify(number, code=11)
        self._count()
        self._audit()
        self._catch(self._lie())
        self._settle()
        codes = stop_all(self._nodes)
        _check("every node stopped cleanly", codes == [0, 0, 0], f"exit codes {codes}")

    def _grant(self) -> str:
        folder = str(self._at.folder)
        holder = run_command(
            *("organisation", "add", folder, "--legal-name", "Werkstatt am Fluss", "--country"),
            *("AT", "--locality", "Linz", "--actor-type", "social_enterprise"),
        ).output
        thing = run_command(
            *("offering", "add", folder, "--organisation", holder),
            *("--name", "de=Sessel aus Altholz", "--name", "en=Chair of reclaimed wood"),
        ).output
        until = (date.today() + timedelta(days=700)).isoformat()  # noqa: DTZ011  # far enough
        asked = self._assess(folder, holder, thing, until)
        granted = run_command(
            *("decide", folder, "grant", "--application", asked, "--valid-until", until),
            *("--decider", "Anna Gruber", "--new-person", "Anna Gruber", "--json"),
        ).json()
        _check("at granted a label", granted["status"] == "active", granted["status"])
        return str(granted["number"])

    def _assess(self, folder: str, holder: str, thing: str, until: str) -> str:
        """Go from an application to its review, three people for three parts; return it."""
        run_command(
            *("assessor", "authorise", folder, "--name", "Maria Huber", "--basis", "iso17065"),
            *("--new-person", "Maria Huber", "--valid-until", until),
        )
        asked = run_command("apply", folder, "--applicant", holder, "--offering", thing).output
        run_command("application", "accept", folder, asked)
        findings = ("S1=15", "S2=conform", "S3=conform", "S4=10", "S5=conform")
        run_command(
            *("evaluate", folder, asked, "--assessor", "Maria Huber", "--method", "on_site"),
            *(word for one in findings for word in ("--finding", one)),
        )
        run_command(
            *("review", folder, asked, "--outcome", "recommend_grant"),
            *("--reviewer", "Josef Berger", "--new-person", "Josef Berger"),
        )
        _check(
            "at evaluated and reviewed an application, by people who do not decide",
            *(bool(asked), asked),
        )
        return asked

    def _see(self, number: str, status: str) -> None:
        for node in self._nodes:
            wait_until(
                f"{number} is {status} at {node.site}",
                partial(self._is, node, number, status),
            )
        answers = [self._label(node, number) for node in self._nodes]
        for answer in answers:
            del answer["publication"]  # what a node knows of the others, which comes in its time
        same = all(answer == answers[0] for answer in answers)
        _check(f"{number} is {status} at all three nodes, with the same history", same, answers)
        for node in self._nodes:
            wait_until(
                f"it is witnessed as {node.site} knows", partial(self._is_witnessed, node, number)
            )
        show(f"checked: all three nodes know that a quorum has witnessed it: {number} {status}")

    def _label(self, node: DemoNode, number: str) -> dict[str, Any]:
        return _get_json(f"{node.url}/api/v1/labels/{number}")

    def _is(self, node: DemoNode, number: str, status: str) -> bool:
        return bool(self._label(node, number)["status"] == status)

    def _is_witnessed(self, node: DemoNode, number: str) -> bool:
        return bool(self._label(node, number)["publication"]["witnessed"])

    def _certify(self, number: str, *, code: int) -> None:
        path = str(self._place / f"certificate-{code}.sopro")
        run_command("certificate", "get", number, "--url", self._hu.url, "-o", path)
        verified = run_command(
            "certificate", "verify", path, "--invite", self._invite, "--json", code=code
        ).json()
        expected = "valid" if code == 0 else "revoked"
        _check(
            f"the certificate file that hu serves, verified offline with the invite: {expected}",
            verified["verdict"] == expected,
            verified,
        )

    def _revoke(self, number: str) -> None:
        until = (date.today() + timedelta(days=30)).isoformat()  # noqa: DTZ011  # far enough
        began = time.monotonic()
        revoked = run_command(
            *("decide", str(self._at.folder), "revoke", number, "--reason", "misuse_of_mark"),
            *("--appeal-until", until, "--decider", "Anna Gruber", "--json"),
        ).json()
        recorded = time.monotonic()
        _check(f"at revoked {number}", revoked["status"] == "revoked", revoked["status"])
        seen = asyncio.run(_see_everywhere(self._nodes, number, "revoked")) - recorded
        _check(
            f"every node says so {max(seen, 0.0):.2f} s later"
            f" ({recorded - began:.2f} s took the decision itself)",
            seen <= _SOON,
            f"{seen:.2f} s, expected at most {_SOON:g} s",
        )

    def _count(self) -> None:
        def counted() -> list[Any]:
            answers = [_get_json(f"{node.url}/api/v1/statistics") for node in self._nodes]
            sites = [
                {one["site"]: (one["labels"], one["decisions"]) for one in answer["sites"]}
                for answer in answers
            ]
            return [(answer["total"], known) for answer, known in zip(answers, sites, strict=True)]

        wait_until("the counts agree", lambda: len({repr(one) for one in counted()}) == 1)
        total = counted()[0][0]
        words = ", ".join(f"{count} {status}" for status, count in sorted(total.items()))
        _check(f"all three nodes count the same labels: {words}", bool(total), total)

    def _audit(self) -> None:
        for target in (*(str(node.folder) for node in self._nodes), self._hu.url):
            trust = ["--invite", self._invite] if target.startswith("http") else []
            report = run_command("audit", target, "--json", *trust).json()
            entries = sum(log["entries"] for log in report["logs"])
            shown = target.removeprefix(f"{self._place}/")
            _check(f"audit of {shown}: {entries} entries, clean", report["clean"], report)

    def _lie(self) -> str:
        """Have at shown another history of hu's log, signed with hu's own key; return its head.

        No command does that: this is what a dishonest operator would write.
        """
        signer = load_keys(self._hu.folder, Role.LOG)[Role.LOG]
        note = _ask("GET", f"{self._hu.url}/log/hu/1/checkpoint").body
        head = parse_checkpoint_text(parse_note(note).text)
        root = Hash(hashlib.sha256(b"another history").digest())
        second = sign_checkpoint(Checkpoint(head.origin, head.size, root), signer)
        request = format_add_checkpoint(AddCheckpoint(head.size, (), second))
        answer = _ask(
            "POST", f"{self._at.url}/witness/add-checkpoint", request, statuses=(409, 422)
        )
        show(
            f"a liar signs a second history of {head.origin} with its key and shows it to at alone"
        )
        _check("at's witness does not cosign it", answer.status != 200, answer.status)
        return head.origin

    def _catch(self, origin: str) -> None:
        for node in self._nodes:
            wait_until(f"{node.site} has the evidence", partial(_has_evidence, node, stands=True))
        [one] = _evidence(self._coordinator)
        first, second = one["sizes"]
        show(
            f"caught, and told to all three nodes: {origin}: two signed heads, at size {first} and "
            f"at size {second}, exclude one another (evidence {one['id'][:16]})"
        )
        folder, path = str(self._coordinator.folder), str(self._place / "evidence.sopro")
        run_command("evidence", "get", one["id"], "--dir", folder, "-o", path)
        proven = run_command("evidence", "verify", path, "--invite", self._invite, "--json").json()
        _check(
            "the evidence file, verified offline with the invite: two histories are proven",
            proven["origin"] == origin and len(proven["heads"]) == 2,
            proven,
        )

    def _settle(self) -> None:
        folder = str(self._coordinator.folder)
        run_command("members", "suspend", folder, "hu")
        run_command("members", "release", folder, "hu")
        for node in self._nodes:
            wait_until(f"{node.site} goes on", partial(_has_evidence, node, stands=False))
        show("checked: the coordinator settled it, and every node goes on with the true history")


async def _see_everywhere(nodes: Sequence[DemoNode], number: str, status: str) -> float:
    """Ask every node until all have said so; return when the last one did (monotonic).

    Raises:
        DemoError: it takes too long.
    """

    async def see(fetch: Fetch, node: DemoNode) -> None:
        while True:
            answer = await fetch.get(f"{node.url}/api/v1/labels/{number}", limit=_MAX_JSON)
            if msgspec.json.decode(answer.body)["status"] == status:
                return
            await asyncio.sleep(_GLANCE)

    try:
        async with Fetch(reach=ANYWHERE) as fetch, asyncio.timeout(_LONGEST):
            await asyncio.gather(*(see(fetch, node) for node in nodes))
    except TimeoutError:
        raise DemoError(f"{number} is {status} everywhere: not within {_LONGEST:g} s") from None
    return time.monotonic()


def _evidence(node: DemoNode) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = _get_json(f"{node.url}/evidence")["evidence"]
    return listed


def _has_evidence(node: DemoNode, *, stands: bool) -> bool:
    listed = _evidence(node)
    return bool(listed) and all(one["stands"] is stands for one in listed)


def _check(step: str, holds: object, found: object) -> None:
    if not holds:
        raise DemoError(f"not so: {step}; found {found}")
    show(f"checked: {step}")


def _get_json(url: str) -> dict[str, Any]:
    return msgspec.json.decode(_ask("GET", url).body, type=dict[str, Any])


def _ask(method: str, url: str, body: bytes = b"", *, statuses: Collection[int] = ()) -> Fetched:
    async def ask() -> Fetched:
        async with Fetch(reach=ANYWHERE) as fetch:
            if method == "GET":
                return await fetch.get(url, limit=_MAX_JSON)
            return await fetch.post_for(url, body, limit=_MAX_JSON, statuses=statuses)

    return asyncio.run(ask())
