"""A whole federation on this machine: `sopro demo`."""

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, Final

import msgspec
import rich_click as click

from sopro_cli.demo_nodes import (
    DemoError,
    DemoNode,
    choose_ports,
    run_command,
    stop_all,
    wait_until,
)
from sopro_cli.options import FOLDER
from sopro_cli.output import fail, remark, show
from sopro_node.config import load_settings
from sopro_node.fetch import Fetch
from sopro_node.found import COORDINATOR, INVITE, make_folder
from sopro_node.reach import ANYWHERE
from sopro_node.store.sqlite import DATABASE
from sopro_protocol.errors import SoproError

FEDERATION: Final = "sopro.example"
REGISTERS: Final = Path(__file__).parent / "demo_register"
_SITES: Final = (COORDINATOR, "at", "hu")
_NAMES: Final = {
    "at": ("de=SoPro Österreich", "en=SoPro Austria"),
    "hu": ("hu=SoPro Magyarország", "en=SoPro Hungary"),
}
_KINDS: Final = ("organisations", "offerings", "decisions")
_FAILED: Final = 1
_MAX_JSON: Final = 16 * 1024 * 1024


@click.command()
@click.option("--dir", "folder", type=FOLDER, default=None, help="keep it here; run it again later")
@click.option("--once", is_flag=True, help="tell the story, check every step, exit")
@click.option(
    "--port",
    type=click.IntRange(1, 65_535 - len(_SITES) + 1),
    default=8440,
    show_default=True,
    help="of the coordinator; sites follow",
)
def demo(folder: Path | None, port: int, *, once: bool) -> None:
    """Run a coordinator, Austria and Hungary on this machine, with a small register.

    Everything is done by the public commands and real processes. It runs until Ctrl-C.
    """
    # SIGINT too: a shell that starts this in the background has it ignored.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    os.environ.pop("SOPRO_CONFIG", None)  # each node here has its own
    began = time.monotonic()
    try:
        with _place(folder) as place, _Federation(place, port) as federation:
            federation.begin()
            if once:
                _Story(federation).tell()
                show(f"done in {time.monotonic() - began:.1f} s: every step came out as it must")
            else:
                federation.stay()
    except DemoError as error:
        remark(f"error: {error}")
        raise SystemExit(_FAILED) from None
    except SoproError as error:
        fail(error)
    except KeyboardInterrupt:
        remark("stopped")
        if once:
            raise SystemExit(130) from None


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def _place(folder: Path | None) -> Iterator[Path]:
    with ExitStack() as stack:
        if folder is None:
            yield Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sopro-demo-")))
        else:
            make_folder(folder)
            yield folder


class _Federation:
    """Three nodes in one directory."""

    def __init__(self, place: Path, port: int) -> None:
        self.place = place
        self.is_new = not any((place / site / DATABASE).exists() for site in _SITES)
        ports = choose_ports(port, len(_SITES)) if self.is_new else self._known_ports()
        self.nodes = [
            DemoNode(site, place / site, number) for site, number in zip(_SITES, ports, strict=True)
        ]
        self.coordinator, self.at, self.hu = self.nodes
        self.sites = self.nodes[1:]

    def _known_ports(self) -> list[int]:
        return [load_settings(self.place / site).address[1] for site in _SITES]

    def __enter__(self) -> "_Federation":
        return self

    def __exit__(self, *_: object) -> None:
        stop_all(self.nodes)

    @property
    def invite(self) -> str:
        return str(self.coordinator.folder / INVITE)

    def begin(self) -> None:
        if self.is_new:
            self._make()
        for node in self.nodes:
            node.start()
        for node in self.nodes:
            node.wait_ready()
        show(f"serving: {', '.join(f'{node.site} at {node.url}' for node in self.nodes)}")
        if self.is_new:
            self._join()
            self._fill()

    def _make(self) -> None:
        head = self.coordinator
        run_command(
            *("federation", "new", str(head.folder), "--name", FEDERATION, "--listen", head.listen)
        )
        show(f"made the federation {FEDERATION} and its coordinator")
        for node in self.sites:
            names = [part for name in _NAMES[node.site] for part in ("--name", name)]
            run_command(
                *("site", "new", str(node.folder), "--site", node.site, "--country"),
                *(node.site.upper(), "--federation", FEDERATION, "--listen", node.listen, *names),
            )
            show(f"made the site {node.site}: keys, configuration, an empty log")

    def _join(self) -> None:
        for node in self.sites:
            run_command("join", str(node.folder), self.invite)
            run_command("members", "admit", str(self.coordinator.folder), node.site)
        for node in self.sites:
            wait_until(f"{node.site} acts as a member", partial(_is_member, node))
        show("both sites asked for admission, were admitted, and follow the coordinator's log")
        chosen = [part for node in self.nodes for part in ("--site", node.site)]
        folder = str(self.coordinator.folder)
        policy = run_command("members", "witnesses", folder, *chosen).output
        show(f"whose cosignatures make a head witnessed: {policy}")

    def _fill(self) -> None:
        for node in self.sites:
            for kind in _KINDS if (REGISTERS / node.site).exists() else ():
                file = REGISTERS / node.site / f"{kind}.csv"
                mapping = REGISTERS / node.site / "mapping.toml"
                outcome = run_command(
                    *("import", str(node.folder), str(file), "--as", kind),
                    *("--mapping", str(mapping)),
                )
                show(f"{node.site}: {outcome.output}")

    def stay(self) -> None:
        """Print where the pages are and stay until interrupted."""
        show("")
        for node in self.nodes:
            show(f"  {node.url}  pages of {node.site}")
        show("")
        show(f"data and logs are in {self.place}; Ctrl-C ends it")
        while all(node.is_serving() for node in self.nodes):
            time.sleep(0.3)
        ended = next(node for node in self.nodes if not node.is_serving())
        raise DemoError(f"the node of {ended.site} has ended; its log is {ended.log_file}")


def _is_member(node: DemoNode) -> bool:
    status = run_command("status", str(node.folder), "--json").json()
    return bool(status["membership"] == "admitted" and status["acts_on"])


class _Story:
    """What a federation is for, step by step, each step checked."""

    def __init__(self, federation: _Federation) -> None:
        self._nodes = federation.nodes
        self._at = federation.at
        self._hu = federation.hu
        self._place = federation.place
        self._invite = federation.invite

    def tell(self) -> None:
        """Tell it.

        Raises:
            DemoError: a step did not come out as it must.
        """
        number = self._grant()
        self._see(number, "active")
        self._certify(number, self._hu.url, code=0)
        self._revoke(number)
        self._see(number, "revoked")
        self._certify(number, self._hu.url, code=11)
        self._count()
        self._audit()
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
        granted = run_command(
            "decide", folder, "grant", "--offering", thing, "--valid-until", until, "--json"
        ).json()
        _check("at granted a label", granted["status"] == "active", granted["status"])
        return str(granted["number"])

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

    def _certify(self, number: str, url: str, *, code: int) -> None:
        path = str(self._place / f"certificate-{code}.sopro")
        run_command("certificate", "get", number, "--url", url, "-o", path)
        verified = run_command(
            "certificate", "verify", path, "--invite", self._invite, "--json", code=code
        ).json()
        expected = "valid" if code == 0 else "revoked"
        _check(
            f"the certificate served by hu, verified offline, says {expected}",
            verified["verdict"] == expected,
            verified,
        )

    def _revoke(self, number: str) -> None:
        until = (date.today() + timedelta(days=30)).isoformat()  # noqa: DTZ011  # far enough
        revoked = run_command(
            *("decide", str(self._at.folder), "revoke", number, "--reason", "misuse_of_mark"),
            *("--appeal-until", until, "--json"),
        ).json()
        _check(f"at revoked {number}", revoked["status"] == "revoked", revoked["status"])

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


def _check(step: str, holds: object, found: object) -> None:
    if not holds:
        raise DemoError(f"not so: {step}; found {found}")
    show(f"checked: {step}")


def _get_json(url: str) -> dict[str, Any]:
    async def get() -> bytes:
        async with Fetch(reach=ANYWHERE) as fetch:
            return (await fetch.get(url, limit=_MAX_JSON)).body

    return msgspec.json.decode(asyncio.run(get()), type=dict[str, Any])


COMMANDS = (demo,)
