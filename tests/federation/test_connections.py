"""When the public server closes a connection by itself."""

import math
from types import SimpleNamespace

import pytest

from sopro_node.web.connections import FIRST_REQUEST, WHOLE_ANSWER, Connections, most_connections


class Transport:
    is_aborted = False

    def abort(self) -> None:
        self.is_aborted = True


class Connection:
    def __init__(self) -> None:
        self.transport = Transport()


def cut(*connections: Connection) -> list[bool]:
    return [one.transport.is_aborted for one in connections]


@pytest.fixture
def request_at(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    now = SimpleNamespace(time=0.0)
    loop = SimpleNamespace(time=lambda: now.time)
    monkeypatch.setattr("asyncio.get_running_loop", lambda: loop)
    return now


def test_cuts_who_asks_nothing() -> None:
    known, one = Connections(10), Connection()
    known.look([one], now=0)
    known.look([one], now=FIRST_REQUEST - 1)
    assert cut(one) == [False]
    known.look([one], now=FIRST_REQUEST + 1)
    assert cut(one) == [True]


def test_gives_an_answer_its_time_and_no_more(request_at: SimpleNamespace) -> None:
    known, one, stream = Connections(10), Connection(), Connection()
    known.look([one, stream], now=0)
    request_at.time = 10.0
    known.mark(SimpleNamespace(protocol=one), seconds=WHOLE_ANSWER)  # type: ignore[arg-type]
    known.mark(SimpleNamespace(protocol=stream), seconds=math.inf)  # type: ignore[arg-type]
    known.look([one, stream], now=10 + WHOLE_ANSWER - 1)
    assert cut(one, stream) == [False, False]
    known.look([one, stream], now=10 + WHOLE_ANSWER + 1)
    assert cut(one, stream) == [True, False]
    known.look([stream], now=10**9)
    assert cut(stream) == [False]


def test_cuts_the_oldest_of_too_many(request_at: SimpleNamespace) -> None:
    known = Connections(2)
    first, second, busy = Connection(), Connection(), Connection()
    known.look([first], now=0)
    known.mark(SimpleNamespace(protocol=busy), seconds=WHOLE_ANSWER)  # type: ignore[arg-type]
    known.look([first, second, busy], now=1)
    assert cut(first, second, busy) == [True, False, False]


def test_leaves_files_for_the_node_itself() -> None:
    assert most_connections() >= 16
