"""`sopro adapter`: this software behind the adapter protocol of the conformance suite.

One request a line from stdin, one answer a line to stdout, as conformance/README.md describes.
"""

import base64
import json
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TextIO

import msgspec
import rich_click as click

from sopro_cli.candidate import Candidate
from sopro_cli.verdicts import Unsupported, give_verdict
from sopro_cli.views import held_evidence, pull, view
from sopro_node.manifest import software_version
from sopro_protocol.errors import SoproError

PROTOCOL: Final = 1
_AT_ONCE: Final = 64


@click.command
def adapter() -> None:
    """Answer the conformance suite, a JSON object a line.

    Example: sopro-conformance run --profile reader --adapter "sopro adapter"
    """
    desk = Desk(sys.stdout)
    try:
        for line in sys.stdin.buffer:
            desk.take(line)
    finally:
        desk.close()


class Desk:
    """Takes requests and writes answers, in whatever order they are ready."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._writing = threading.Lock()
        self._living = threading.Lock()
        self._threads = ThreadPoolExecutor(_AT_ONCE)
        self._candidate: Candidate | None = None

    def take(self, line: bytes) -> None:
        """Answer one request, here or, where the node has to do something, beside others."""
        try:
            request = json.loads(line)
            number = request["id"]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            self._say({"id": None, "error": f"not a request: {error}"})
            return
        if request.get("verb") in ("hello", "verify"):
            self._say(answer(number, lambda: _judge(request)))
        else:
            self._threads.submit(lambda: self._say(answer(number, lambda: self._do(request))))

    def close(self) -> None:
        """Answer who waits, and end the node."""
        self._threads.shutdown(cancel_futures=True)
        if self._candidate is not None:
            self._candidate.close()

    def _say(self, message: Mapping[str, Any]) -> None:
        with self._writing:
            self._out.write(json.dumps(message) + "\n")
            self._out.flush()

    def _do(self, request: Mapping[str, Any]) -> dict[str, Any]:
        verb = str(request.get("verb"))
        if verb in _LIFE:
            with self._living:
                return _LIFE[verb](self._node(), request) or {}
        if verb in _ACTS:
            return _ACTS[verb](self._node(), request)
        known = ", ".join(("hello", "verify", *_LIFE, *_ACTS))
        raise Unsupported(f"no verb {verb!r}; there are {known}")

    def _node(self) -> Candidate:
        if self._candidate is None:
            self._candidate = Candidate()
        return self._candidate


_LIFE: Final[Mapping[str, Callable[[Candidate, Mapping[str, Any]], dict[str, Any] | None]]] = {
    "start": lambda node, request: node.start(request),
    "stop": lambda node, _: node.stop(),
    "kill9": lambda node, _: node.kill9(),
    "clock": lambda node, request: node.shift_clock(int(request["offset"])),
    "backup": lambda node, request: node.backup(Path(request["path"])),
    "restore": lambda node, request: node.restore(Path(request["path"])),
}
_ACTS: Final[Mapping[str, Callable[[Candidate, Mapping[str, Any]], dict[str, Any]]]] = {
    "admit": lambda node, request: node.admit(str(request["site"]), request.get("statement")),
    "append": lambda node, request: (
        node.hand_over(msgspec.convert(request["entries"], list[bytes]))
        if "entries" in request
        else node.append(request["records"])
    ),
    "sync": lambda node, request: pull(node, str(request.get("origin", ""))),
    "view": view,
    "evidence": lambda node, _: held_evidence(node),
    "erase": lambda node, request: node.erase(int(request["index"]), str(request["reason"])),
}


def answer(number: Any, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Answer one request; whatever comes of it, there is an answer."""
    try:
        return {"id": number, "ok": _pack(work())}
    except SoproError as error:
        return {"id": number, "reject": {"code": error.code, "message": str(error)}}
    except Unsupported as error:
        return {"id": number, "error": str(error)}
    except (KeyError, TypeError, ValueError, OSError, StopIteration) as error:
        return {"id": number, "error": f"{type(error).__name__}: {error}"}


def _pack(value: Any) -> Any:
    """Write bytes as base64."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, Mapping):
        return {name: _pack(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_pack(one) for one in value]
    return value


def _judge(request: Mapping[str, Any]) -> dict[str, Any]:
    if request["verb"] == "verify":
        return give_verdict(str(request["kind"]), request)
    return {
        "protocol": PROTOCOL,
        "software": "sopro",
        "version": software_version(),
        "profiles": ["reader", "publisher", "peer", "witness", "coordinator"],
        "features": ["documents", "knowledge", "name-server", "serve-alone"],
    }


COMMANDS = (adapter,)
