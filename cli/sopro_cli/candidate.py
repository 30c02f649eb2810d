"""The node behind `sopro adapter`: a directory of its own and a process that serves it.

It is driven as its people drive it: over the control socket and over HTTP. The clock alone comes
from outside (`shifted`).
"""

import asyncio
import contextlib
import http.client
import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from sopro_node.backup import back_up
from sopro_node.calling import call
from sopro_node.config import CONFIG
from sopro_node.found import Plan, create_node
from sopro_node.identity import load_identity
from sopro_node.keyring import load_keys
from sopro_node.restore import restore
from sopro_node.store.sqlite import SqliteStore
from sopro_protocol.errors import PeerError, SoproError, UnavailableError
from sopro_protocol.keys import COSIGNATURE, Role, format_vkey, make_vkey
from sopro_protocol.tile import WIDTH, parse_entry_bundle
from sopro_protocol.witness import witness_name
from sopro_registry.catalogue import FAMILIES

SERVED_BY = ("-m", "sopro_cli.shifted")
"""What serves it; whoever tries the suite itself has another program do so."""
_PATIENCE: Final = 55.0
_ENDS: Final = 25.0
_SETTINGS: Final = {"fetch_seconds": 2, "workers": 1, "drain_seconds": 1}


class Candidate:
    """A site of this software, as the conformance suite has it live and die."""

    def __init__(self) -> None:
        self._base = Path(tempfile.mkdtemp(prefix="sopro-candidate-"))
        self.folder = self._base / "node"
        self._log = self._base / "node.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._held = socket.socket()
        self._invite: dict[str, Any] = {}
        self._entities: dict[int, bytes] = {}
        self._offset = 0
        self.port = 0

    # Life.

    def start(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Make the site where there is none yet, serve it, and say who it is.

        Raises:
            SoproError: it cannot be made, or does not serve in time.
        """
        if not self.folder.exists():
            self._found(request)
        if self._process is None or self._process.poll() is not None:
            self._serve()
        if request.get("alone"):
            with contextlib.suppress(SoproError):  # what is refused shows with the next record
                self.call("alone", reason=str(request["alone"]))
        if self._invite:
            with contextlib.suppress(PeerError):  # the invite is pinned all the same
                self.call("join", invite=self._invite)
            self._invite = {}
        return self._describe()

    def _found(self, request: Mapping[str, Any]) -> None:
        self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._held.bind(("127.0.0.1", 0))
        self.port = self._held.getsockname()[1]
        coordinator = request["coordinator"]
        is_coordinator = "origin" not in coordinator
        federation = str(
            coordinator["federation"] if is_coordinator else coordinator["origin"]
        ).split("/", maxsplit=1)[0]
        plan = Plan(
            federation=federation,
            site=str(request["site"]),
            country=str(request.get("country", "AT")),
            zone=str(request.get("zone", "Europe/Vienna")),
            languages=("en",),
            listen=f"127.0.0.1:{self.port}",
        )
        create_node(self.folder, plan, coordinator=is_coordinator)
        seconds = max(1, int(request.get("poll_seconds", 2)))
        with (self.folder / CONFIG).open("a", encoding="utf-8") as file:
            for name, value in {**_SETTINGS, "poll_seconds": seconds}.items():
                file.write(f"{name} = {value}\n")
            profiles = [str(one) for one in request.get("admit_profiles", ())]
            file.write(f"admit_profiles = {json.dumps(profiles)}\n")
            if request.get("url_allowed"):
                file.write('private_addresses = "refuse"\n')
                file.write(f"private_networks = {json.dumps(request['url_allowed'])}\n")
            if request.get("name_server"):
                file.write(f"name_servers = {json.dumps([request['name_server']])}\n")
            if request.get("trusted_ca"):
                trusted = self._base / "trusted.pem"
                trusted.write_text(str(request["trusted_ca"]), "ascii")
                file.write(f"peer_ca = {json.dumps(str(trusted))}\n")
        if is_coordinator:
            return
        self._invite = {
            "sopro_invite": 1,
            "federation": federation,
            "origin": coordinator["origin"],
            "root": msgspec.convert(coordinator["root"], bytes).hex(),
            "urls": [coordinator["url"]],
        }

    def _serve(self) -> None:
        command = [sys.executable, *SERVED_BY, str(self._offset), "serve"]
        with self._log.open("ab") as log:
            # It ends when its stdin does, so that nothing is left behind whatever ends first.
            self._process = subprocess.Popen(  # noqa: S603  # our own command
                [*command, str(self.folder)], stdin=subprocess.PIPE, stdout=log, stderr=log
            )
        end = time.monotonic() + _PATIENCE
        while not self._is_up():
            if self._process.poll() is not None or time.monotonic() > end:
                said = self._log.read_text("utf-8", "replace")[-1000:]
                self.kill9()
                raise UnavailableError(f"the node does not serve; it said: {said}")
            time.sleep(0.02)

    def _is_up(self) -> bool:
        try:
            return self.get("/health")[0] == 200 and self._try("identity", {}) is not None
        except (OSError, http.client.HTTPException):
            return False

    def stop(self) -> None:
        """End it as its operator would."""
        self._end(signal.SIGTERM)

    def kill9(self) -> None:
        """End it between two instructions."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(how)
        try:
            process.wait(_ENDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise UnavailableError("the node did not stop when it was told to") from None
        finally:
            if process.stdin is not None:
                process.stdin.close()

    def shift_clock(self, seconds: int) -> None:
        """Have it read another time, from its next start on."""
        self._offset = seconds

    def close(self) -> None:
        """Leave nothing behind."""
        self.kill9()
        self._held.close()
        shutil.rmtree(self._base, ignore_errors=True)

    # What it is asked.

    def call(self, name: str, /, **values: Any) -> dict[str, Any]:
        """Have an operation done over the control socket.

        Raises:
            SoproError: what it refused, or that it does not serve.
        """
        answer = self._try(name, values)
        if answer is None:
            raise UnavailableError("the node does not serve")
        return answer

    def _try(self, name: str, values: Mapping[str, Any]) -> dict[str, Any] | None:
        return asyncio.run(call(self.folder, name, values))

    def get(self, path: str) -> tuple[int, bytes]:
        """Ask it as anybody could.

        Raises:
            OSError: it does not answer.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def get_json(self, path: str) -> Any:
        """Ask it for JSON; None where it has none.

        Raises:
            UnavailableError: it does not answer, or with an error.
        """
        try:
            status, body = self.get(path)
        except (OSError, http.client.HTTPException) as error:
            raise UnavailableError(f"the node does not answer: {error}") from None
        if status == 404:
            return None
        if status != 200:
            raise UnavailableError(f"{path}: status {status}")
        return json.loads(body)

    def _describe(self) -> dict[str, Any]:
        with contextlib.closing(SqliteStore.open(self.folder, writing=False)) as store:
            identity = load_identity(store)
        witness = load_keys(self.folder, Role.WITNESS)[Role.WITNESS]
        name = witness_name(identity.federation, identity.site)
        return {
            "url": f"http://127.0.0.1:{self.port}",
            "origin": identity.origin,
            "entries": self.entries(0),
            "root": identity.root,
            "vkey": format_vkey(make_vkey(name, witness.public_key, key_type=COSIGNATURE)),
        }

    def entries(self, start: int) -> list[bytes]:
        """Return the entries of its own log from a position on, as everybody gets them."""
        path = self.call("status")["origin"].partition("/")[2]
        head = self.get(f"/log/{path}/checkpoint")[1]
        size = int(head.split(b"\n")[1])
        found: list[bytes] = []
        for number in range(start // WIDTH, -(-size // WIDTH)):
            width = min(WIDTH, size - number * WIDTH)
            tail = f"{number:03}" if width == WIDTH else f"{number:03}.p/{width}"
            body = self.get(f"/log/{path}/tile/entries/{tail}")[1]
            found += parse_entry_bundle(body, width=width)
        return found[start % WIDTH :]

    # What its officers do.

    def append(self, records: list[Mapping[str, Any]]) -> dict[str, Any]:
        """Append records; answers once they are durable.

        Raises:
            SoproError: the first that was refused.
        """
        outcomes = self.call("append", drafts=[_draft(one) for one in records])["outcomes"]
        for one in outcomes:
            if "entry_id" not in one:
                raise SoproError(one["error"], code=one["code"])
            self._entities[one["index"]] = one["entity"]
        return {
            "indexes": [one["index"] for one in outcomes],
            "entities": [one["entity"] for one in outcomes],
        }

    def hand_over(self, entries: list[bytes]) -> dict[str, Any]:
        """Append entries that were signed elsewhere, with the site's root key.

        Raises:
            SoproError: the first that was refused.
        """
        return {"indexes": [self.call("put_keys", entry=one)["index"] for one in entries]}

    def admit(self, site: str, statement: int | None) -> dict[str, Any]:
        """Admit a site that asked, as the coordinator's officer would.

        What its address shows is not tried again here: these sites serve their logs and no more.

        Raises:
            SoproError: as it was refused.
        """
        values = {"site": site, "statement": statement, "again": False}
        return {"index": self.call("admit", **values)["index"]}

    def erase(self, index: int, reason: str) -> dict[str, Any]:
        """Erase the documents of an entry that was appended here."""
        before = int(self.call("status")["size"])
        self.call("erase", entity=self._entities[index], reason=reason)
        added = self.entries(before)
        at = next(number for number, one in enumerate(added) if b"erasure/1" in one)
        return {"index": before + at}

    def backup(self, path: Path) -> None:
        """Back it up, while it serves or not."""
        back_up(self.folder, path)

    def restore(self, path: Path) -> None:
        """Put a backup in place of what there is; the keys are kept beside it."""
        self._end(signal.SIGTERM)
        keys = self._base / "keys"
        shutil.move(self.folder / "keys", keys)
        shutil.rmtree(self.folder)
        restore(path, self.folder, None)
        shutil.rmtree(self.folder / "keys", ignore_errors=True)
        shutil.move(keys, self.folder / "keys")


def _draft(record: Mapping[str, Any]) -> dict[str, Any]:
    """Read a record of the adapter protocol, in which bytes are text, by its family's types."""
    family = str(record["family"]).partition("/")[0]
    body = dict(record["body"])
    if family in FAMILIES:
        with contextlib.suppress(msgspec.ValidationError):  # refused by the node, with its code
            typed = msgspec.convert(body, FAMILIES[family].body)
            body |= msgspec.to_builtins(typed, builtin_types=(bytes,))
    draft: dict[str, Any] = {"family": family, "values": body}
    if record.get("entity"):
        draft["entity"] = msgspec.convert(record["entity"], bytes)
    if record.get("documents"):
        draft["documents"] = [
            {**one, "content": msgspec.convert(one["content"], bytes)}
            for one in record["documents"]
        ]
    return draft
