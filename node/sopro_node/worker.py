"""Worker processes: each fetches bundles and checks them, or checks those that are held.

Workers run this module and nothing of the command around it: the first loads it and forks the
others, and each takes tasks over a socket until that is closed.
"""

import contextlib
import gc
import os
import queue
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, Final, NamedTuple, NoReturn, TypeVar

import msgspec
import uvloop

from sopro_node.fetch import Fetch
from sopro_node.reach import Reach
from sopro_node.verify import CheckedBundle, check_bundle, check_held
from sopro_protocol import errors
from sopro_protocol.bundle import MAX_BUNDLE, WIDTH
from sopro_protocol.errors import PeerError, SoproError, UnavailableError
from sopro_protocol.tile import bundle_path

T = TypeVar("T")


class Task(NamedTuple):
    """Full bundles to fetch and check, or to check as they are held.

    Attributes:
        bases: URLs under which the log is served, the best first.
        numbers: of the bundles.
        roots: of their subtrees, as the signed checkpoint has them.
        keys: public keys of the site by id.
        deadline: in seconds, for each bundle.
        reach: whom the node may call.
        frames: the bundles as they are held; nothing is fetched then.
    """

    bases: Sequence[str]
    numbers: Sequence[int]
    roots: Sequence[bytes]
    keys: Mapping[bytes, bytes]
    deadline: float
    reach: Reach = Reach()
    frames: Sequence[bytes] = ()


class Answer(NamedTuple):
    """What became of a task: its bundles, or an error's class, message and code."""

    bundles: list[CheckedBundle]
    failure: tuple[str, str, str] | None = None


Outcome = list[CheckedBundle] | SoproError

_HEAD: Final = 8
_ENCODER: Final = msgspec.msgpack.Encoder()
_TASK: Final = msgspec.msgpack.Decoder(Task)
_ANSWER: Final = msgspec.msgpack.Decoder(Answer)


# In the main process.


class WorkerPool(Executor):
    """Runs `run_task` in worker processes; one thread for each waits for what it answers.

    A worker that dies fails its task; after that the next task finds new workers.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="worker")
        self._crew = _Crew(count)

    def submit(self, work: Callable[..., T], /, *args: Any, **_: Any) -> Future[T]:
        """Hand a worker its task; `work` is `run_task`."""
        if self._crew.is_broken:
            self._crew.close()
            self._crew = _Crew(self._count)
        return self._threads.submit(work, *args, self._crew)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let the workers go."""
        self._crew.close()
        self._threads.shutdown(wait, cancel_futures=cancel_futures)


class _Crew:
    """Workers that were started together, and a socket to each that has nothing to do."""

    def __init__(self, count: int) -> None:
        pairs = [socket.socketpair() for _ in range(count)]
        theirs = [their.fileno() for _, their in pairs]
        self.is_broken = False
        self._ours = [our for our, _ in pairs]
        self._free: queue.SimpleQueue[socket.socket | None] = queue.SimpleQueue()
        command = [sys.executable, "-P", "-m", __name__, *map(str, theirs)]
        self._first = subprocess.Popen(command, pass_fds=theirs, stdin=subprocess.DEVNULL)  # noqa: S603  # this module
        for our, their in pairs:
            their.close()
            self._free.put(our)

    def ask(self, task: Task) -> Answer:
        """Have the next free worker do a task.

        Raises:
            OSError: the workers are gone.
        """
        link = self._free.get()
        try:
            if link is None:
                raise ConnectionError("a worker process has died")
            _send(link, _ENCODER.encode(task))
            answer = _ANSWER.decode(_receive(link))
        except OSError:
            self.is_broken = True
            link = None
            raise
        finally:
            # Whoever waits for a free worker finds none where this one has died.
            self._free.put(link)
        return answer

    def close(self) -> None:
        """Let the workers go; one that is at work stops."""
        self.is_broken = True
        for our in self._ours:
            with contextlib.suppress(OSError):
                our.shutdown(socket.SHUT_RDWR)
            our.close()
        self._first.terminate()
        self._first.wait()


def start_pool(count: int) -> Any:  # a WorkerPool; callers need no more than an Executor
    """Start worker processes."""
    return WorkerPool(count)


def run_task(task: Task, crew: "_Crew | None" = None) -> Outcome:
    """Have bundles checked by a worker process; its pool adds the crew."""
    assert crew is not None, "runs in a WorkerPool"  # noqa: S101  # a bug if not
    try:
        answer = crew.ask(task)
    except OSError as error:
        return UnavailableError(f"checking bundles stopped and is tried again: {error}")
    if answer.failure is None:
        return answer.bundles
    kind, message, code = answer.failure
    known: type[SoproError] = getattr(errors, kind)
    return known(message, code=code)


# Between the two.


def _send(link: socket.socket, data: bytes) -> None:
    link.sendall(len(data).to_bytes(_HEAD, "big"))
    link.sendall(data)


def _receive(link: socket.socket) -> bytearray:
    return _read(link, int.from_bytes(_read(link, _HEAD), "big"))


def _read(link: socket.socket, size: int) -> bytearray:
    data = bytearray(size)
    view = memoryview(data)
    while view:
        count = link.recv_into(view)
        if not count:
            raise ConnectionError("the other process has gone")
        view = view[count:]
    return data


# In a worker process.


def main() -> None:
    """Work at the sockets whose descriptors are the arguments, one process for each."""
    # Nothing here makes cycles, and collecting them costs a tenth of the time.
    gc.disable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    links = [socket.socket(fileno=int(number)) for number in sys.argv[1:]]
    children = [child for link in links[1:] if (child := _fork(link, links))]

    def stop(*_: object) -> NoReturn:
        # No exception: it would come out of whatever is being closed at that moment.
        _let_go(children)
        os._exit(0)

    signal.signal(signal.SIGTERM, stop)
    for link in links[1:]:
        link.close()
    try:
        _work(links[0])
    finally:
        _let_go(children)


def _let_go(children: Sequence[int]) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for child in children:
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)


def _fork(link: socket.socket, links: Sequence[socket.socket]) -> int:
    """Have a process of its own work at a socket; return its id."""
    child = os.fork()
    if child == 0:
        for other in links:
            if other is not link:
                other.close()
        try:
            _work(link)
        finally:
            os._exit(0)
    return child


def _work(link: socket.socket) -> None:
    """Do tasks until the other end is closed."""
    with contextlib.suppress(ConnectionError):
        uvloop.run(_answer_tasks(link))


async def _answer_tasks(link: socket.socket) -> None:
    task = _TASK.decode(_receive(link))
    async with Fetch(task.deadline, reach=task.reach) as fetch:
        while True:
            _send(link, _ENCODER.encode(await _do_task(fetch, task)))
            task = _TASK.decode(_receive(link))


async def _do_task(fetch: Fetch, task: Task) -> Answer:
    try:
        if task.frames:
            pairs = zip(task.numbers, task.frames, strict=True)
            return Answer(
                [check_held(frame, number=number, keys=task.keys) for number, frame in pairs]
            )
        return Answer(
            [
                await fetch_bundle(fetch, task, number, root)
                for number, root in zip(task.numbers, task.roots, strict=True)
            ]
        )
    except SoproError as error:
        return Answer([], (type(error).__name__, str(error), error.code))


async def fetch_bundle(fetch: Fetch, task: Task, number: int, root: bytes) -> CheckedBundle:
    """Fetch and check one full bundle from the first node that serves it right.

    Raises:
        SoproError: of the first node asked, where none does.
    """
    first: SoproError | None = None
    for base in task.bases:
        try:
            url = f"{base}/{bundle_path(index=number)}"
            fetched = await fetch.get(url, limit=MAX_BUNDLE)
            return check_bundle(fetched, number=number, width=WIDTH, root=root, keys=task.keys)
        except SoproError as error:
            first = first or error
    raise first or PeerError("nobody to ask", code="hos.unreachable")


if __name__ == "__main__":
    main()
