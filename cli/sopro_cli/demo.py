"""A whole federation on this machine: `sopro demo`."""

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Final

import rich_click as click

from sopro_cli.demo_nodes import (
    DemoError,
    DemoNode,
    choose_ports,
    run_command,
    stop_all,
    wait_until,
)
from sopro_cli.demo_story import Story
from sopro_cli.options import FOLDER
from sopro_cli.output import fail, remark, show
from sopro_node.config import load_settings
from sopro_node.found import COORDINATOR, INVITE, make_folder
from sopro_node.store.connection import DATABASE
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
                Story(federation.nodes, place, federation.invite).tell()
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
        show(f"labels:        {self.at.url}/labels, and behind each its history and certificate")
        show(f"certificates:  {self.hu.url}/verify checks a certificate file, from whichever site")
        show(f"trust:         {self.coordinator.url}/status says who mirrors and cosigns whom, and")
        show("               whether anybody was caught with two histories")
        show("told and checked step by step, a revocation and a liar too: sopro demo --once")
        show(f"data and logs are in {self.place}; Ctrl-C ends it")
        while all(node.is_serving() for node in self.nodes):
            time.sleep(0.3)
        ended = next(node for node in self.nodes if not node.is_serving())
        raise DemoError(f"the node of {ended.site} has ended; its log is {ended.log_file}")


def _is_member(node: DemoNode) -> bool:
    status = run_command("status", str(node.folder), "--json").json()
    return bool(status["membership"] == "admitted" and status["acts_on"])


COMMANDS = (demo,)
