"""What is no Unicode text, from a node or an adapter, is that candidate's fault and is said so."""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any

import pytest

from sopro_conformance.adapter import Adapter
from sopro_conformance.case import BrokenTextError
from sopro_conformance.main import main
from sopro_conformance.plain import read_json, spell

SAYS = Path(__file__).parent / "says.py"
HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
ORIGIN = rb'{"origin": "../../x\ud800"}'
NAMED = rb'{"origin": "sopro.example/at/1", "name": {"\udfff": "at"}}'


@contextmanager
def serving(answer: bytes) -> Iterator[str]:
    """Answer everything with the same bytes."""

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline().strip():
                pass
            self.wfile.write(answer)

    server = ThreadingTCPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def try_url(answer: bytes, folder: Path, *cases: str) -> dict[str, Any]:
    chosen = [part for name in cases for part in ("--case", name)]
    with serving(answer) as url:
        main(["run", "--url", url, "--out", str(folder), "--patience", "0.1", *chosen])
    found: dict[str, Any] = json.loads((folder / "report.json").read_text("utf-8"))
    return found


@pytest.mark.parametrize(("body", "where"), [(ORIGIN, r"'../../x\\ud800'"), (NAMED, r"'\\udfff'")])
def test_a_lone_surrogate_of_a_node_is_its_failure(body: bytes, where: str, tmp_path: Path) -> None:
    answer = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
    report = try_url(answer, tmp_path, "VER-01", "LOG-01", "ERR-06")
    [case] = [one for one in report["cases"] if one["id"] == "VER-01"]
    assert [one["why"] for one in report["cases"] if "bug" in one["why"]] == []
    assert case["verdict"] == "FAIL"
    [problem] = case["problems"]
    assert problem["actual"] == (
        f"the JSON of /.well-known/sopro holds a lone surrogate, which is no character: {where}"
    )
    assert "EXCH-16" in problem["expected"]
    assert "lone surrogate" in (tmp_path / "report.html").read_text("utf-8")
    assert "lone surrogate" in (tmp_path / "junit.xml").read_text("utf-8")


@pytest.mark.parametrize(
    "head",
    [
        HEAD + b"Content-Type: \xff\xed\xa0\x80\r\n",
        b"HTTP/1.1 200 \xff\r\nX\xff: \xff\r\n",
        b"HTTP/1.1 \xff\xfe\r\n",
        b"\xed\xa0\x80\r\n",
    ],
)
def test_bytes_of_a_head_that_are_no_text_end_as_a_verdict(head: bytes, tmp_path: Path) -> None:
    body = b'{"origin": "sopro.example/at/1"}'
    answer = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    report = try_url(answer, tmp_path, "VER-01", "LOG-01", "LOG-04", "ERR-01")
    assert [one["why"] for one in report["cases"] if "bug" in one["why"]] == []
    assert {one["verdict"] for one in report["cases"]} <= {"FAIL", "NOT-MEASURED"}


def test_text_of_an_adapter_can_be_written_everywhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ok = r'{"protocol": 1, "software": "\ud800<b>", "version": "\udfff", "features": ["\ud801"]}'
    command = f"{sys.executable} {SAYS} '{ok}' '" + r'{"code": "\ud800", "message": "\udfff"}' + "'"
    assert main(["run", "--adapter", command, "--case", "ENC-01", "--out", str(tmp_path)]) == 1
    [case] = json.loads((tmp_path / "report.json").read_text("utf-8"))["cases"]
    assert (case["verdict"], case["why"]) == ("FAIL", "")
    assert r"refused \ud800 (\udfff)" in capsys.readouterr().out
    for name in ("report.html", "junit.xml", "evidence/ENC-01/checks.jsonl"):
        assert r"\ud800" in (tmp_path / name).read_bytes().decode("utf-8")
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert report["candidate"]["software"] == r"\ud800<b>"


async def test_names_and_texts_of_an_answer_are_spelt_out() -> None:
    command = f"{sys.executable} {SAYS} " + '\'{"void": {"\\udc80": ["a\\ud800"]}}\' \'{}\''
    adapter = Adapter(command)
    await adapter.open()
    try:
        answer = await adapter.ask("hello", protocol=1)
    finally:
        await adapter.close()
    assert answer.ok == {"void": {r"\udc80": [r"a\ud800"]}}


def test_only_what_is_no_character_is_spelt_out() -> None:
    assert spell("aä😀\ud800\n") == "aä😀\\ud800\n"
    assert read_json(rb'["\ud83d\ude00"]', "x") == ["😀"]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (rb'{"a": [{"\ud800": 1}]}', BrokenTextError),
        (rb'["\ude00\ud83d"]', BrokenTextError),
        (b'"\xed\xa0\x80"', ValueError),
        ('"a"'.encode("utf-16"), ValueError),
        (b"[" * 200_000, ValueError),
        (b"[" + b"9" * 5000 + b"]", ValueError),
        (b"[NaN]", ValueError),
    ],
)
def test_what_is_no_json_is_refused(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        read_json(data, "x")
