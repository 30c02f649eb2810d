"""Running a node: `sopro serve`."""

import asyncio
import dataclasses
import signal
from pathlib import Path

import rich_click as click

from sopro_cli.office import run
from sopro_cli.options import FOLDER
from sopro_cli.output import fail, show
from sopro_cli.secrets import asker
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
        node = await Node.open(folder, settings=settings, ask=asker())
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


COMMANDS = (serve,)
