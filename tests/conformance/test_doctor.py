"""The first command of whoever builds an adapter: one sentence about what is not there yet."""

import json
import shlex
import sys
import sysconfig
from pathlib import Path

import pytest

from sopro_conformance.main import main

HERE = Path(__file__).parent
OURS = f"{Path(sysconfig.get_path('scripts')) / 'sopro'} adapter"
FALSE = HERE.parent / "mutants" / "knows_nothing.py"
HELLO = {
    "protocol": 1,
    "software": "mine",
    "version": "1",
    "profiles": ["reader", "publisher"],
    "features": [],
}
NODE = {"url": "http://127.0.0.1:9", "origin": "a.example/at/1", "root": "A" * 43 + "="}


def says(ok: object, *reject: object) -> str:
    words = [json.dumps(one) for one in (ok, *reject)]
    return shlex.join([sys.executable, str(HERE / "says.py"), *words])


@pytest.mark.parametrize(
    ("adapter", "said"),
    [
        ("./nothing-here", "hello: no verdict: the adapter does not start: [Errno 2]"),
        (f"{sys.executable} {FALSE} dead", "hello: no verdict: the adapter has ended"),
        (f"{sys.executable} {FALSE} garbage", "the last line that answers no request"),
        (f"{sys.executable} {FALSE} 'accept all'", "its answer has no protocol, software, version"),
        (says(HELLO | {"protocol": 2}), "hello: it speaks protocol 2, not 1"),
        (says(HELLO | {"profiles": ["witness"]}), "it names the profiles ['witness'], and reader"),
        (says(HELLO, {"code": "enc.limit"}), "verify: the value 80, an empty map, is to be accep"),
    ],
)
def test_what_is_not_right_is_said_in_a_sentence(
    adapter: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--adapter", adapter, "--patience", "0.05"]) == 2
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("not right    ")
    assert said in last


def test_our_adapter_can_be_tried_as_a_reader(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--adapter", OURS]) == 0
    hello, verify, end = capsys.readouterr().out.splitlines()
    assert hello.startswith("hello        sopro ")
    assert verify == "verify       accepts a map, and refuses one with a key twice"
    assert end == "the adapter can be tried: sopro-conformance run"


@pytest.mark.slow
def test_our_node_can_be_tried_as_a_peer(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["doctor", "--adapter", OURS, "--profile", "peer+witness", "--patience", "3"]
    assert main(arguments) == 0
    said = [one.split("  ")[0] for one in capsys.readouterr().out.splitlines()]
    assert said[2:-1] == ["start", "reached", "reaches", "stop, start", "clock"]


@pytest.mark.slow
def test_a_node_that_nobody_reaches_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """It says that it has started, and gives verdicts, and there is nobody at its address."""
    program = (
        "import json, sys\n"
        "for line in sys.stdin:\n"
        "    request = json.loads(line)\n"
        f"    said = {{'ok': {HELLO | NODE!r}}}\n"
        "    if request.get('bytes', 'gA==') != 'gA==':\n"
        "        said = {'reject': {'code': 'enc.duplicate-key'}}\n"
        "    print(json.dumps({'id': request['id'], **said}), flush=True)\n"
    )
    adapter = shlex.join([sys.executable, "-c", program])
    arguments = ["doctor", "--adapter", adapter, "--profile", "publisher", "--patience", "0.02"]
    assert main(arguments) == 2
    last = capsys.readouterr().out.splitlines()[-1]
    assert "http://127.0.0.1:9/log/at/1/checkpoint, its own head, is not served" in last
