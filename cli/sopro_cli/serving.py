"""Running a node: `sopro serve`, `sopro sync`, `sopro status`."""

import asyncio
import dataclasses
import signal
from pathlib import Path

import rich_click as click

from sopro_cli.office import ask, run
from sopro_cli.output import fail, remark, show, show_json
from sopro_cli.sites import FOLDER
from sopro_node.config import load_settings, parse_address
from sopro_node.control import ControlServer
from sopro_node.node import Node
from sopro_node.telemetry import start_logging
from sopro_node.web.server import serve as serve_node
from sopro_protocol.errors import SoproError


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("--listen", default=None, help="HOST:PORT, instead of the configuration file's")
def serve(folder: Path, listen: str | None) -> None:
    """Run a node until it is stopped."""
    try:
        settings = load_settings(folder)
        if listen is not None:
            parse_address(listen)
            settings = dataclasses.replace(settings, listen=listen)
    except SoproError as error:
        fail(error)
    start_logging(level=settings.log_level, is_json=settings.log_format == "json")

    async def work() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        node = await Node.open(folder, settings=settings)
        control = ControlServer(node)

        async def ready(url: str) -> None:
            await control.start()
            show(f"serving {node.identity.origin} at {url}")

        try:
            await serve_node(node, ready=ready, stop=stop)
        finally:
            await control.stop()
            await node.close()

    run(work())


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("--once", is_flag=True, help="the only way for now; a serving node syncs by itself")
@click.option("--json", "as_json", is_flag=True)
def sync(folder: Path, *, once: bool, as_json: bool) -> None:  # says what happens
    """Pull every followed log once."""
    answer = ask(folder, "sync")["pulled"]
    if as_json:
        show_json(answer)
    failed = [origin for origin, one in answer.items() if "error" in one]
    for origin, one in answer.items():
        if "error" in one:
            remark(f"{origin}: {one['error']}")
        elif not as_json:
            show(f"{origin}: {one['size']} entries, {one['added']} new")
    if failed:
        raise SystemExit(75)


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("--json", "as_json", is_flag=True)
def status(folder: Path, *, as_json: bool) -> None:
    """Say how a node is: its log, its mirrors, what went wrong."""
    answer = ask(folder, "status")
    if as_json:
        show_json(answer)
        return
    show(f"{answer['origin']}  {answer['role']}  membership: {answer['membership']}")
    show(f"own log: {answer['size']} entries, {answer['void']} void, {answer['labels']} labels")
    for one in answer["mirrors"]:
        since = f"current {one['lag_seconds']} s ago" if one["confirmed_at"] else "never synced"
        show(f"{one['origin']}: {one['size']} entries, {one['void']} void, {since}")
        if one["problem"]:
            problem = one["problem"]
            show(f"  {one['failures']} failures: {problem['message']} [{problem['code']}]")


COMMANDS = (serve, sync, status)
