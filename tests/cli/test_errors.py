"""What goes wrong at a site, and the one sentence that says what to do."""

import errno
import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sopro_node.control import SOCKET
from sopro_node.lock import DirectoryLock
from tests.cli.place import GRANTED, Place, sopro, told

SITE = ("--site", "at", "--country", "AT")
Arguments = Callable[[Place], tuple[object, ...]]


@contextmanager
def listening() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def configure(place: Place, text: str) -> tuple[object, ...]:
    (place.at / "node.toml").write_text(text)
    return ("status", place.at)


def invite(place: Place, text: str) -> tuple[object, ...]:
    path = place.folder / "invite.json"
    path.write_text(text)
    return ("join", place.at, path)


def changed_invite(place: Place, **changes: object) -> tuple[object, ...]:
    return invite(place, json.dumps(json.loads(place.invite.read_text()) | changes))


_NO_ZONE = ", of which no time zone is known; if the code is right, name its zone with --zone"


def criteria(place: Place, text: str) -> tuple[object, ...]:
    path = place.folder / "criteria.toml"
    path.write_text(text)
    return ("criteria", "publish", place.eeig, path)


def other_federation(place: Place) -> tuple[object, ...]:
    sopro("federation", "new", place.folder / "other", "--name", "other.example")
    return ("join", place.at, place.folder / "other" / "invite.json")


def other_coordinator(place: Place) -> tuple[object, ...]:
    sopro("federation", "new", place.folder / "other", "--name", "sopro.example")
    return ("join", place.at, place.folder / "other" / "invite.json")


CASES: list[tuple[str, Arguments, int, str]] = [
    (
        "no directory",
        lambda place: ("status", place.folder / "none"),
        65,
        "no such file; is {folder}/none the directory of a node? 'sopro site new' makes one",
    ),
    (
        "broken TOML",
        lambda place: configure(place, "listen = \n"),
        65,
        "node.toml: not TOML: Invalid value (at line 1, column 10)",
    ),
    (
        "unknown setting",
        lambda place: configure(place, "lisen = '127.0.0.1:1'\n"),
        65,
        "node.toml: unknown setting 'lisen'; known: ",
    ),
    (
        "malformed invite",
        lambda place: invite(place, "{}"),
        65,
        "invite.json: not an invite file: ",
    ),
    (
        "invite that is no JSON",
        lambda place: invite(place, "hello"),
        65,
        "invite.json: not an invite file: ",
    ),
    (
        "invite without an address",
        lambda place: changed_invite(place, urls=[]),
        65,
        "invite.json: urls: expected at least one address of the coordinator, got none; "
        "the coordinator's operator has the invite file",
    ),
    (
        "invite whose log is another federation's",
        lambda place: changed_invite(place, federation="sopro.test"),
        65,
        "invite.json: origin: expected 'sopro.test/<site>/<epoch>', the log of the federation's "
        "coordinator, got 'sopro.example/eeig/1'; the coordinator's operator has the invite file",
    ),
    (
        "invite whose origin is none",
        lambda place: changed_invite(place, origin="sopro.example"),
        65,
        "invite.json: origin: expected 'sopro.example/<site>/<epoch>'",
    ),
    (
        "invite of another version",
        lambda place: changed_invite(place, sopro_invite=2),
        65,
        "invite.json: sopro_invite: expected version 1, got 2; upgrade this software",
    ),
    (
        "invite with two roots",
        lambda place: invite(
            place,
            place.invite.read_text().replace('"root"', f'"root": "{32 * "00"}",\n"root"'),
        ),
        65,
        "invite.json: 'root' is named twice; the coordinator's operator has the invite file",
    ),
    (
        "missing invite",
        lambda place: ("join", place.at, place.folder / "none.json"),
        65,
        "none.json: cannot be read (No such file or directory); "
        "the coordinator's operator has the invite file",
    ),
    (
        "invite to another federation",
        other_federation,
        1,
        "made for the federation 'sopro.example', the invite is for 'other.example'; "
        "make the site anew with --federation other.example",
    ),
    (
        "invite of another coordinator",
        other_coordinator,
        1,
        "this site is pinned to another coordinator already",
    ),
    (
        "coordinator that does not answer",
        lambda place: ("join", place.at, place.invite),
        75,
        "the coordinator could not be asked (http://127.0.0.1:",
    ),
    (
        "site that has not asked",
        lambda place: ("members", "admit", place.eeig, "xx"),
        1,
        "'xx' has not asked for admission; waiting: nobody",
    ),
    (
        "site that admits",
        lambda place: ("members", "admit", place.at, "at"),
        1,
        "only the coordination node decides on members",
    ),
    (
        "directory that is not empty",
        lambda place: ("site", "new", place.at, *SITE),
        65,
        "at: not empty; a new node needs a directory of its own",
    ),
    (
        "no such zone",
        lambda place: ("site", "new", place.folder / "new", *SITE, "--zone", "Europe/Linz"),
        65,
        "zone: 'Europe/Linz' is no IANA time zone; for example Europe/Vienna",
    ),
    *[
        (
            f"country {country!r}",
            lambda place, country=country: (
                *("site", "new", place.folder / "new", "--site", "xx", "--country", country),
            ),
            65,
            f"error: country: expected an ISO 3166-1 code such as 'AT', got {country!r}{rest}\n",
        )
        for country, rest in (
            ("XX", ""),
            ("at", ""),
            ("ZZ", ""),
            ("EU", _NO_ZONE),
        )
    ],
    (
        "country with several zones",
        lambda place: ("site", "new", place.folder / "new", "--site", "us", "--country", "US"),
        65,
        "country 'US': name its time zone with --zone; it has ",
    ),
    *[
        (
            f"bad day of decide {option}",
            lambda place, option=option, day=day: (
                *("decide", place.at, "correct", GRANTED, option, day),
            ),
            65,
            f"error: {option}: expected a civil date like 2026-11-22, got '{day}'",
        )
        for option, day in (
            ("--effective", "2026-02-30"),
            ("--decided-on", "gestern"),
            ("--valid-from", "20260101"),
            ("--valid-until", ""),
            ("--suspended-until", "2026-1-1"),
            ("--appeal-until", "0000-00-00"),
        )
    ],
    *[
        (
            f"bad day of {' '.join(arguments[:2])}",
            lambda place, arguments=arguments: (*arguments, "--dir", place.at, "--at", "gestern"),
            65,
            "error: --at: expected a civil date like 2026-11-22, got 'gestern'",
        )
        for arguments in (
            ("label", "show", GRANTED),
            ("label", "list"),
            ("certificate", "verify", "x"),
        )
    ],
    (
        "bad day of an organisation",
        lambda place: (
            *("organisation", "add", place.at, "--legal-name", "X", "--country", "AT"),
            *("--effective", "2027-02-29"),
        ),
        65,
        "error: --effective: expected a civil date like 2026-11-22, got '2027-02-29'",
    ),
    *[
        (
            f"{option} {code!r}",
            lambda place, option=option, code=code: (
                *("organisation", "add", place.at, "--legal-name", "X", "--country", "AT"),
                *(option, code),
            ),
            65,
            f"error: {option}: expected {expected}, got {code!r}",
        )
        for option, expected, codes in (
            (
                "--nuts",
                "a NUTS code of two capital letters and up to three letters or digits such as "
                "AT130",
                ("at130", "A", "AT1300", "AT-13", "Wien", "AT\n", ""),
            ),
            (
                "--activity",
                "a NACE code behind its revision such as 2.1:38.21 or 2:C",
                ("38.21", "2.1:38.211", "2.1:3821", "2.1:W", "NACE:38.21", "2.1:", "2.1:38.", ""),
            ),
        )
        for code in codes
    ],
    *[
        (
            f"bad number of {' '.join(map(str, arguments[:2]))}",
            lambda place, arguments=arguments: tuple(
                place.at if one == "D" else one for one in arguments
            ),
            65,
            f"error: {name}: expected a certificate number such as SOPRO/AT0/001/00001, got 'at1'",
        )
        for name, arguments in (
            ("NUMBER", ("label", "show", "at1", "--dir", "D")),
            ("NUMBER", ("certificate", "get", "at1", "--dir", "D")),
            ("NUMBER", ("decide", "D", "correct", "at1")),
            ("--number", ("decide", "D", "correct", GRANTED, "--number", "at1")),
        )
    ],
    (
        "bad site",
        lambda place: ("members", "suspend", place.eeig, "A T"),
        65,
        "error: SITE: expected a site's code of small letters, digits and hyphens such as at, "
        "got 'A T'",
    ),
    (
        "bad prefix",
        lambda place: ("members", "admit", place.eeig, "at", "--prefix", "at"),
        65,
        "error: --prefix: expected three capital letters or digits such as AT0, got 'at'",
    ),
    (
        "bad procurement code among good ones",
        lambda place: (
            *("offering", "add", place.at, "--organisation", "0" * 32, "--name", "de=X"),
            *("--cpv", "03221000", "--cpv", "bread, rolls"),
        ),
        65,
        "error: --cpv: expected a procurement code such as 03221000, got 'bread, rolls'",
    ),
    *[
        (
            f"address {url!r} to get from",
            lambda _, url=url: ("certificate", "get", GRANTED, "--url", url),
            65,
            "error: --url: expected an http or https address such as https://at.sopro.example, "
            f"got {url!r}",
        )
        for url in ("ftp://x", "127.0.0.1:8440", "http://", "http://a b", "http://at:99999", "")
    ],
    (
        "address to audit",
        lambda _: ("audit", "ftp://x"),
        65,
        "error: DIRECTORY|URL: expected an http or https address such as https://at.sopro.example",
    ),
    (
        "directory that cannot be made",
        lambda place: ("site", "new", place.invite / "new", *SITE),
        65,
        "invite.json/new: cannot be made (Not a directory); name another directory",
    ),
    (
        "directory of a demo that cannot be made",
        lambda place: ("demo", "--once", "--dir", place.invite / "new"),
        65,
        "invite.json/new: cannot be made (Not a directory); name another directory",
    ),
    (
        "address that is none",
        lambda place: ("serve", place.at, "--listen", "8440"),
        65,
        "listen: expected HOST:PORT, for example 127.0.0.1:8440, got '8440'",
    ),
    (
        "criteria that are missing",
        lambda place: ("criteria", "publish", place.eeig, place.folder / "none.toml"),
        65,
        "none.toml: cannot be read (No such file or directory); name a file with tables [[scheme]]",
    ),
    (
        "criteria that are a list",
        lambda place: criteria(place, "scheme = [1]"),
        65,
        "criteria.toml: [[scheme]] no. 1: expected a table, got 1",
    ),
    (
        "criteria of another kind",
        lambda place: criteria(place, "[[criterium]]"),
        65,
        "criteria.toml: expected tables [[scheme]], [[criterion]] and [[criteria_set]]",
    ),
    (
        "criterion of nothing",
        lambda place: criteria(place, "[[criterion]]"),
        65,
        "criteria.toml: [[criterion]] no. 1: object missing required field `applies_from`",
    ),
    (
        "scheme that lacks a field",
        lambda place: criteria(place, '[[scheme]]\nscheme = "regio"'),
        65,
        "criteria.toml: [[scheme]] no. 1: object missing required field `effective_date`",
    ),
    (
        "scheme with a field of no scheme",
        lambda place: criteria(place, '[[scheme]]\nname = "regio"'),
        65,
        "criteria.toml: [[scheme]] no. 1: unknown field 'name'; known: effective_date, grace_days",
    ),
    (
        "scheme from a day that is none",
        lambda place: criteria(place, '[[scheme]]\neffective_date = "2026-02-30"'),
        65,
        "[[scheme]] no. 1: effective_date: expected a civil date like 2026-11-22, got '2026-02-30'",
    ),
    (
        "scheme from a day without quotes",
        lambda place: criteria(place, "[[scheme]]\neffective_date = 2026-02-20"),
        65,
        'effective_date: expected a civil date in quotes like "2026-11-22", got 2026-02-20',
    ),
    (
        "mapping that is missing",
        lambda place: (
            *("import", place.at, place.invite, "--as", "organisations"),
            *("--mapping", place.folder / "none.toml"),
        ),
        65,
        "none.toml: cannot be read (No such file or directory); "
        "name the file that says which column is which field",
    ),
    (
        "mapping that is no text",
        lambda place: (
            *("import", place.at, place.invite, "--as", "organisations"),
            *("--mapping", place.at / "node.db"),
        ),
        65,
        "node.db: cannot be read as text: byte ",
    ),
    (
        "nobody to sync with",
        lambda place: ("sync", place.at),
        75,
        "sopro.example/eeig/1: http://127.0.0.1:",
    ),
    (
        "lost key",
        lambda place: lose(place, "decision.pem"),
        65,
        "decision.pem: key file cannot be read (No such file or directory); put it back from",
    ),
]


def lose(place: Place, name: str) -> tuple[object, ...]:
    (place.at / "keys" / name).unlink()
    return ("status", place.at)


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_says_in_one_sentence_what_to_do(
    place: Place, arguments: Arguments, code: int, sentence: str
) -> None:
    result = sopro(*arguments(place), code=code)
    assert sentence.format(folder=place.folder) in result.stderr
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert result.stderr.split(": ")[0].endswith(("error", "sopro.example/eeig/1"))


def test_port_in_use_is_named_with_what_to_set(place: Place) -> None:
    with listening() as port:
        result = sopro("serve", place.at, "--listen", f"127.0.0.1:{port}", code=75)
    assert f"127.0.0.1:{port} cannot be listened on (address already in use)" in result.stderr
    assert "set another 'listen' in " in result.stderr


def test_second_process_on_a_directory_refuses(place: Place) -> None:
    lock = DirectoryLock(place.at)
    try:
        result = sopro("label", "show", GRANTED, "--dir", place.at, code=75)
    finally:
        lock.release()
    assert "works on this directory; stop it first" in result.stderr


def test_control_socket_of_a_killed_server_does_not_stand_in_the_way(place: Place) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        descriptor = (place.at / SOCKET).parent
        try:
            left.bind(str(descriptor / SOCKET))
        except OSError:
            pytest.skip("the path is too long for a socket here")
    assert "active" in sopro("label", "show", GRANTED, "--dir", place.at).stdout


def test_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = sopro("status", tmp_path / "file", code=2)
    assert "is a file" in told(result.stderr)


def test_a_file_system_that_is_read_only_is_told_as_such(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Path.open

    def refuse(path: Path, mode: str = "r", *arguments: Any, **named: Any) -> Any:
        if place.at in path.parents and set(mode) & set("wax+"):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return opened(path, mode, *arguments, **named)

    monkeypatch.setattr(Path, "open", refuse)
    frozen = os.statvfs_result([0] * 8 + [os.ST_RDONLY, 0])
    monkeypatch.setattr(os, "statvfs", lambda _: frozen)
    told = sopro("label", "list", "--dir", place.at, code=65).stderr
    assert told == (
        f"error: {place.at}: cannot be worked on (Read-only file system); every command writes "
        "there at least that it works on it: make the file system writable, or copy the "
        "directory; 'sopro audit' only reads\n"
    )
    assert not (place.at / "node.db-shm").exists()
    assert sopro("audit", place.at).stdout.endswith("clean\n")
    assert not (place.at / "node.db-shm").exists()
