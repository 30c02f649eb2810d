"""Running a node: `sopro serve`."""

import asyncio
import dataclasses
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import rich_click as click

from sopro_cli.office import ask, done_by, run
from sopro_cli.options import FOLDER
from sopro_cli.output import fail, remark, show
from sopro_cli.secrets import asker
from sopro_node.calling import call
from sopro_node.config import load_settings, parse_address
from sopro_node.control import ControlServer
from sopro_node.node import Node
from sopro_node.office import OPERATIONS
from sopro_node.telemetry import start_logging
from sopro_node.web.server import serve as serve_node
from sopro_protocol.errors import SoproError


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("--listen", default=None, help="HOST:PORT, instead of the configuration file's")
@click.option(
    "--alone",
    default=None,
    metavar="REASON",
    help="sign although no other node can be asked; REASON goes into the log",
)
def serve(folder: Path, listen: str | None, alone: str | None) -> None:
    """Run a node until it is stopped; with --alone, also have the one that serves open its log."""
    if alone is not None and run(call(folder, "identity", {})) is not None:
        _tell_alone(ask(folder, "alone", reason=alone))
        return
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
        node = await Node.open(folder, settings=settings, ask=asker())
        control = ControlServer(node)

        async def ready(url: str) -> None:
            await control.start()
            show(f"serving {node.identity.origin} at {url}")
            if alone is not None:
                await go_alone(node, alone)

        try:
            await serve_node(node, ready=ready, stop=stop)
        finally:
            await control.stop()
            await node.close()

    run(work())


async def go_alone(node: Node, reason: str) -> None:
    """Open the log as the operator says; where that is refused the node goes on serving."""
    try:
        _tell_alone(await OPERATIONS["alone"](node, {"reason": reason, **done_by()}))
    except SoproError as error:
        remark(f"error: {error}")


def _tell_alone(answer: Mapping[str, Any]) -> None:
    index = answer["index"]
    if index is None:
        remark("other nodes have answered, so the log is open and --alone was not needed")
    else:
        remark(f"opened without having asked another node; entry {index} of the log says so")


COMMANDS = (serve,)
