"""A candidate of which an old backup is kept, among nodes that show its log as a case tells them.

What all cases of the start fence share (FENCE).
"""

import contextlib
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sopro_conformance.cases.published import drafts
from sopro_conformance.trial import Trial
from sopro_conformance.world.client import Client, wait_until
from sopro_conformance.world.copies import Copy, copy_log
from sopro_conformance.world.lies import say
from sopro_conformance.world.scene import Peer, Scene

VERBS: Final = "start append kill9 sync backup restore"
ENTRIES: Final = "/(tile|bundle)/.*"
WITHIN: Final = 30.0
_GONE: Final = say(b"", status=503)


@dataclass
class Past:
    """A candidate in a federation of its own, of which an old backup is kept.

    Attributes:
        scene: the federation.
        client: reads the candidate.
        peer: the one member beside it.
        old: its log when the backup was made.
        new: its log, some records later.
        backup: where the backup is.
    """

    trial: Trial
    scene: Scene
    client: Client
    peer: Peer
    old: Copy
    new: Copy
    backup: str

    @property
    def own(self) -> str:
        """Path of the candidate's log, at every node."""
        return self.client.prefix

    def show(self, log: Copy | None) -> None:
        """Have everybody show the candidate's log like this, or answer nobody for None."""
        for server in self.scene.servers().values():
            server.behave()
            if log is None:
                server.misbehave(".*", _GONE)
            else:
                server.serve(log)

    def lie(self, pattern: str, body: bytes | None = None) -> None:
        """Have everybody answer so below a path; with an error where there is no body."""
        for server in self.scene.servers().values():
            server.misbehave(pattern, _GONE if body is None else say(body))

    async def put_back(self) -> None:
        """Put the old copy in place of what the candidate has now; it does not run afterwards."""
        await self.scene.ask("kill9")
        await self.scene.ask("restore", path=self.backup)

    async def append(self) -> tuple[str, Sequence[int]]:
        """Have a record appended; return the code it was refused with, or where it lies."""
        answer = await self.scene.adapter.ask("append", records=drafts())
        self.trial.need(not answer.error, f"append: {answer.words}")
        return answer.code, (answer.ok or {}).get("indexes", ())

    async def appends(self, beside: Sequence[str]) -> tuple[str, Sequence[int]]:
        """Have a record appended, again and again as long as one of these codes refuses it."""
        code = ""
        indexes: Sequence[int] = ()

        async def is_decided() -> bool:
            nonlocal code, indexes
            code, indexes = await self.append()
            return code not in beside

        await wait_until(is_decided, within=WITHIN * self.scene.patience)
        return code, indexes

    async def was_asked(self, marks: dict[str, int], pattern: str) -> bool:
        """Wait until somebody was asked for a path since the marks; False where nobody was."""

        async def is_asked() -> bool:
            servers = self.scene.servers()
            return any(servers[name].since(mark, pattern) for name, mark in marks.items())

        return await wait_until(is_asked, within=WITHIN / 3 * self.scene.patience)

    def marks(self) -> dict[str, int]:
        """Remember how much was asked of everybody."""
        return {name: one.mark() for name, one in self.scene.servers().items()}

    def signs_nothing(self, when: str, code: str, expected: str) -> None:
        """Check how an append was refused."""
        self.trial.check(
            f"a record, {when}",
            holds=code in expected.split(),
            expected=f"refused {' or '.join(expected.split())}",
            actual=f"refused {code}" if code else "appended",
        )

    async def serves_reads(self, when: str) -> None:
        """Check that its own log and those it mirrors can be read (FENCE-1, FENCE-8)."""
        own = await self.client.head()
        self.trial.check(
            f"its own head, {when}",
            holds=own.size <= self.old.size and own.root == self.new.tree.root(own.size),
            expected=f"one that it signed before the backup, of at most {self.old.size} entries",
            actual=f"size {own.size}",
        )
        other = await self.scene.mirrored(self.peer.origin)
        self.trial.check(
            f"a log it mirrors, {when}",
            holds=other is not None and other.size == self.peer.log.size,
            expected=f"served at size {self.peer.log.size}",
            actual=f"size {other.size if other else 'nothing'}",
        )


@contextlib.asynccontextmanager
async def past(trial: Trial) -> AsyncIterator[Past]:
    """Have another candidate make a backup and publish more, which everybody mirrors."""
    async with trial.another_scene() as scene:
        client = await scene.join()
        peer = await scene.new_peer(1)
        code = await scene.catches_up(peer)
        trial.need(not code, f"a new peer is not mirrored ({code})")
        with tempfile.TemporaryDirectory(prefix="sopro-conformance-") as folder:
            backup = str(Path(folder) / "backup")
            await scene.ask("backup", path=backup)
            old = await copy_log(client)
            for _ in range(3):
                await scene.ask("append", records=drafts())
            new = await copy_log(client)
            trial.need(new.size > old.size, "what was appended is not published")
            yield Past(trial, scene, client, peer, old, new, backup)


async def holds_all(held: Past, log: Copy, indexes: Sequence[int], what: str) -> None:
    """Check that what was appended lies behind everything that was ever shown of the log."""
    now = await copy_log(held.client)
    held.trial.check(
        what,
        holds=bool(indexes)
        and min(indexes) >= log.size
        and now.size > min(indexes)
        and now.tree.root(log.size) == log.tree.root(),
        expected=f"appended behind the {log.size} entries that others hold",
        actual=f"at {list(indexes)}, the log has size {now.size}",
    )
