"""Other nodes that hold nothing: what a node on its own hears when it asks before it signs.

They answer as a node does that mirrors no log (SPEC FENCE-2), so that commands can be tried in a
directory whose federation is not running.
"""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from sopro_node.config import load_settings
from sopro_node.node import Node

FEDERATION = "sopro.example"


class _Empty(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        is_discovery = self.path == "/.well-known/sopro"
        body = json.dumps({"federation": FEDERATION, "mirrors": []}).encode()
        self.send_response(200 if is_discovery else 404)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def neighbours(folders: Sequence[Path]) -> Iterator[None]:
    """Answer at the addresses of these nodes, none of which runs."""
    with ExitStack() as stack:
        for folder in folders:
            server = ThreadingHTTPServer(load_settings(folder).address, _Empty)
            stack.callback(server.server_close)
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
        yield


def let_append(node: Node) -> None:
    """Let a node append although nobody has answered it, where its fence is not what is tested."""

    async def always() -> None:
        return

    node.log.admit = node.fence.settle = always
    node.log.open()
