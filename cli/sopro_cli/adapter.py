"""`sopro adapter`: this software behind the adapter protocol of the conformance suite.

One request a line from stdin, one answer a line to stdout, as conformance/README.md describes.
"""

import json
import sys
from typing import Any, Final

import rich_click as click

from sopro_cli.verdicts import Unsupported, give_verdict
from sopro_node.manifest import software_version
from sopro_protocol.errors import SoproError

PROTOCOL: Final = 1


@click.command
def adapter() -> None:
    """Answer the conformance suite, a JSON object a line.

    Example: sopro-conformance run --profile reader --adapter "sopro adapter"
    """
    for line in sys.stdin.buffer:
        sys.stdout.write(json.dumps(answer(line)) + "\n")
        sys.stdout.flush()


def answer(line: bytes) -> dict[str, Any]:
    """Answer one request; whatever it is, there is an answer."""
    try:
        request = json.loads(line)
        number = request["id"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        return {"id": None, "error": f"not a request: {error}"}
    try:
        return {"id": number, "ok": _do(request)}
    except SoproError as error:
        return {"id": number, "reject": {"code": error.code, "message": str(error)}}
    except Unsupported as error:
        return {"id": number, "error": str(error)}
    except (KeyError, TypeError, ValueError) as error:
        return {"id": number, "error": f"{type(error).__name__}: {error}"}


def _do(request: dict[str, Any]) -> dict[str, Any]:
    match request.get("verb"):
        case "hello":
            return {
                "protocol": PROTOCOL,
                "software": "sopro",
                "version": software_version(),
                "profiles": ["reader"],
                "features": [],
            }
        case "verify":
            return give_verdict(str(request["kind"]), request)
        case verb:
            raise Unsupported(f"no verb {verb!r}; there are hello and verify")


COMMANDS = (adapter,)
