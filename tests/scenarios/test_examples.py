"""The examples below the help of what certification needs, typed one after another: all work."""

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import rich_click as click

from sopro_cli import acting, people
from sopro_cli.main import main
from tests.cli.place import sopro
from tests.cli.test_main import OF_CERTIFICATION, leaves
from tests.scenarios.test_scenarios import CRITERIA, Session

LABEL = "SOPRO/AT0/001/00001"
EVA = ("--assessor", "Eva Moser", "--method", "on_site", "--performed-on", "2026-10-20")
ALL = ("--finding", "S1=20", "--finding", "S2=conform", "--finding", "S3=conform")
FOUNDED = """\
sopro federation new eeig --name sopro.example --criteria {SCHEME} --listen 127.0.0.1:{PORT1}
sopro site new at --site at --country AT --listen 127.0.0.1:{PORT2}
sopro serve eeig &
sopro join at eeig/invite.json
sopro members admit eeig at
sopro sync at --once"""


def all_examples() -> Iterator[str]:
    for words in (leaf for name in OF_CERTIFICATION for leaf in leaves(name)):
        command: click.Command | None = main
        for word in words:
            assert isinstance(command, click.Group)
            command = command.get_command(click.Context(command), word)
        assert command is not None
        for line in re.sub(r"\\\n\s*", "", command.help or "").splitlines():
            if line.strip().startswith(f"sopro {' '.join(words)} "):
                yield line.strip()


class Reader:
    """Somebody at a terminal who types every example of the help once, where it fits."""

    def __init__(self) -> None:
        self.left = list(dict.fromkeys(all_examples()))
        holder = ("organisation", "add", "at", "--legal-name", "Müller", "--country", "AT")
        self.holder = sopro(*holder).stdout.strip()

    def type(self, begin: str, /, **words: object) -> str:
        """Run the next example that begins so, with other words for some; return its last line."""
        line = next(one for one in self.left if one.startswith(f"sopro {begin}"))
        self.left.remove(line)
        for name, word in words.items():
            assert name.strip("_") in line, line
            line = line.replace(name.strip("_"), str(word))
        # What is asked about a label that is not valid is answered so, by the exit code, too.
        done = sopro(*shlex.split(line.partition(" > ")[0])[1:], code=None)
        assert done.exit_code == 0 or (begin == "check --gtin" and "not valid" in done.stdout), (
            line,
            done.output,
        )
        return (done.stdout.splitlines() or [""])[-1]

    def offer(self) -> str:
        named = ("--organisation", self.holder, "--name", "de=Tisch")
        return sopro("offering", "add", "at", *named).stdout.strip()

    def apply(self, *more: object, offering: str = "") -> str:
        """Have an application submitted, early enough for what follows."""
        given = ("--applicant", self.holder, "--offering", offering or self.offer())
        return sopro("apply", "at", *given, "--submitted-on", "2026-10-05", *more).stdout.strip()

    def accept(self, *more: object, offering: str = "") -> str:
        """Have an application submitted and accepted."""
        application = self.apply(*more, offering=offering)
        sopro("application", "accept", "at", application, "--effective", "2026-10-06")
        return application

    def assess(self, *more: object, offering: str = "", outcome: str = "recommend_grant") -> str:
        """Have an application evaluated and reviewed."""
        application = self.accept(*more, offering=offering)
        sopro("evaluate", "at", application, *EVA, *ALL)
        self.review(application, outcome)
        return application

    def review(self, application: str, outcome: str) -> None:
        words = ("--outcome", outcome, "--reviewer", "Josef Berger", "--reviewed-on", "2026-10-22")
        sopro("review", "at", application, *words)


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    monkeypatch.chdir(tmp_path)
    for module in (acting, people):
        monkeypatch.setattr(module, "is_somebody_there", lambda: True)
    monkeypatch.setattr(click, "confirm", lambda *_, **__: True)
    monkeypatch.setattr(click, "prompt", lambda *_, **__: "Anna Gruber")
    for name in ("signed.pdf", "audit.pdf"):
        (tmp_path / name).write_bytes(b"%PDF-1.7")
    (tmp_path / "numbers.csv").write_text(f"number\n{LABEL}\n")
    shutil.copy(CRITERIA, "criteria.toml")
    session = Session()
    for line in FOUNDED.splitlines():
        session.run(line, ["..."])
    yield Reader()
    session.close()


@pytest.mark.slow
def test_every_example_does_what_it_says(reader: Reader) -> None:
    _appoint(reader)
    _certify(reader)
    _look_after(reader)
    _object(reader)
    for begin in ("officer revoke", "officer list", "officer trail", "assessor set"):
        named = json.loads(sopro("assessor", "list", "at", "--json").stdout)
        reader.type(begin, **({"AUTHORISATION": named[0]["entity"]} if "set" in begin else {}))
    assert reader.left == []


def _appoint(reader: Reader) -> None:
    for begin in ("officer add", "officer add", "officer show", "officer change", "officer renew"):
        reader.type(begin)
    assert "criteria_set sopro" in reader.type("criteria publish")
    sopro("sync", "at", "--once")
    for begin in ("criteria list", "criteria show", "criteria show"):
        reader.type(begin)
    sopro("assessor", "authorise", "at", "--name", "Eva Moser", "--basis", "iso17065",
          "--valid-from", "2026-01-01", "--valid-until", "2099-12-31")  # fmt: skip
    for begin in ("assessor authorise", "assessor authorise", "assessor list"):
        reader.type(begin)


def _certify(reader: Reader) -> None:
    chair = reader.offer()
    asked = reader.type("apply", HOLDER=reader.holder, CHAIR=chair)
    reader.type("application accept", APPLICATION=asked)
    reader.type("application withdraw", APPLICATION=asked)
    asked = reader.apply()
    for step in ("return", "submit"):
        reader.type(f"application {step}", APPLICATION=asked)
    reader.type("application refuse", APPLICATION=asked)
    asked = reader.apply()
    sopro("application", "return", "at", asked)
    reader.type("application lapse", APPLICATION=asked)
    reader.type("application list")
    reader.type("application show", APPLICATION=asked)
    asked = reader.accept(offering=chair)
    reader.type("evaluate", APPLICATION=asked)
    found = reader.type("evaluate", APPLICATION=asked)
    reader.type("evaluate", APPLICATION=asked, EVALUATION=found)
    sopro("evaluate", "at", asked, *EVA, *ALL)
    reader.type("review", APPLICATION=asked)
    assert reader.type("decide at grant", APPLICATION=asked) == f"{LABEL} active"
    reader.type("decide at grant", APPLICATION=reader.assess())


def _look_after(reader: Reader) -> None:
    label = json.loads(sopro("label", "show", LABEL, "--dir", "at", "--json").stdout)
    granted = label["history"][0]["index"]
    words = {"HOLDER": reader.holder, "CHAIR": label["offering"]}
    reader.type("apply", **words)
    reader.type("evaluate at --label")
    for begin in ("check SOPRO", "check --gtin", "check numbers", *(3 * ("directory",))):
        reader.type(begin)
    reader.type("decide at reduce_scope")
    more = ("--kind", "scope_extension", "--label", LABEL)
    asked = reader.assess(*more, offering=words["CHAIR"])
    reader.type("decide at extend_scope", APPLICATION=asked)
    assert reader.type("decide at suspend") == f"{LABEL} suspended"
    shown = json.loads(sopro("label", "show", LABEL, "--dir", "at", "--json").stdout)
    reader.type("decide at correct", _41=shown["history"][-1]["index"])
    reader.type("decide at correct", _40=granted)


def _object(reader: Reader) -> None:
    here = {"HU0": "AT0"}
    first = _added(reader, "complain at", **here)
    second = _added(reader, "complaint add", **here)
    reader.type("complaint list")
    reader.type("complaint answer", **{"sopro.example/hu/1 41": f"sopro.example/at/1 {first}"})
    reader.type("complaint show", **{"sopro.example/hu/1 41": f"sopro.example/at/1 {first}"})
    reader.type("complaint withdraw", _41=second)
    asked = reader.assess(outcome="recommend_refuse")
    on = ("--effective", "2026-11-10", "--decided-on", "2026-11-10", "--reason", "other")
    sopro("decide", "at", "refuse", "--application", asked, *on)
    for _ in range(2):
        assert reader.type("decide at correct", APPLICATION=asked).endswith(" refused")
    appeal = reader.type("appeal add").split()[0]
    reader.type("appeal add", APPLICATION=asked)
    reader.type("appeal list")
    reader.type("appeal panel", APPEAL=appeal)
    reader.type("appeal decide", APPEAL=appeal)
    reader.type("appeal show", APPEAL=appeal)


def _added(reader: Reader, begin: str, **words: object) -> str:
    """Type an example that prints an entity and its entry; return the entry."""
    return reader.type(begin, **words).rpartition(" ")[2]
