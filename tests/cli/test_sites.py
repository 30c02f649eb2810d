import json
import re
import stat
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from sopro_node import clock
from sopro_node.identity import load_identity
from sopro_node.store.sqlite import SqliteStore
from sopro_registry.fields import LanguageTag
from tests.cli.place import Place, sopro

HU = ("--federation", "sopro.example", "--site", "hu", "--country", "HU")


def test_the_invite_is_printed_with_the_address_of_now(place: Place, tmp_path: Path) -> None:
    before = json.loads(place.invite.read_text())
    assert json.loads(sopro("federation", "invite", place.at).stdout) == before
    settings = place.eeig / "node.toml"
    lines = [one for one in settings.read_text().splitlines() if not one.startswith("url")]
    settings.write_text("\n".join([*lines, 'url = "https://eeig.sopro.example"', ""]))
    printed = sopro("federation", "invite", place.eeig).stdout
    assert json.loads(printed) == before | {"urls": ["https://eeig.sopro.example"]}
    sopro("site", "new", tmp_path / "hu", *HU)
    refused = sopro("federation", "invite", tmp_path / "hu", code=1)
    assert "has joined no federation" in refused.stderr


def test_site_new_prints_its_origin(tmp_path: Path) -> None:
    result = sopro("site", "new", tmp_path / "hu", "--site", "hu", "--country", "HU")
    assert result.stdout == "sopro.example/hu/1\n"
    assert "in Europe/Budapest; keep " in result.stderr


@pytest.mark.parametrize("country", ["RS", "XK", "TW"])
def test_languages_of_a_country_are_tags_also_where_they_name_a_script(
    tmp_path: Path, country: str
) -> None:
    folder = tmp_path / "site"
    sopro("site", "new", folder, "--site", "xy", "--country", country, "--zone", "UTC")
    with closing(SqliteStore.open(folder, writing=False)) as store:
        identity = load_identity(store)
    assert any("-" in tag for tag in identity.languages)
    msgspec.convert(identity.languages, list[LanguageTag])


def test_keys_are_their_owner_s_only(tmp_path: Path) -> None:
    sopro("site", "new", tmp_path / "hu", "--site", "hu", "--country", "HU")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "hu" / "keys").iterdir()}
    assert modes == {0o600}


def test_federation_new_prints_the_invite_file(tmp_path: Path) -> None:
    result = sopro("federation", "new", tmp_path / "eeig", "--name", "sopro.example")
    invite = Path(result.stdout.strip())
    assert json.loads(invite.read_text())["origin"] == "sopro.example/eeig/1"


def test_members_are_listed_with_status_and_address(place: Place) -> None:
    row = sopro("members", "list", place.eeig).stdout.split()
    assert row[:3] == ["at", "admitted", "AT"]
    assert row[3].startswith("http://127.0.0.1:")


def test_member_can_be_suspended_and_released(place: Place) -> None:
    said = sopro("members", "suspend", place.eeig, "at").stdout
    assert re.fullmatch(r"at: suspended; of its log counts what lies below position [0-9]+\n", said)
    assert sopro("members", "release", place.eeig, "at").stdout == "at: admitted\n"


def test_member_that_leaves_is_listed_with_its_end(place: Place) -> None:
    said = sopro("members", "leave", place.eeig, "at", "--successor", "hu", code=1).stderr
    assert "its successor must be another admitted member, 'hu' is unknown here" in said
    said = sopro("members", "leave", place.eeig, "at", "--size", "0", code=1).stderr
    assert "what it decided while it was a member counts for ever" in said
    sopro("members", "leave", place.eeig, "at", "--size", "900")
    assert "left       AT" in sopro("members", "list", place.eeig).stdout
    assert "until position 900" in sopro("members", "list", place.eeig).stdout


def test_address_and_name_of_a_member_can_change(place: Place) -> None:
    changed = ("--url", "https://at.example", "--name", "de=Österreich", "--name", "en=Austria")
    said = sopro("members", "change", place.eeig, "at", *changed).stdout
    assert said.startswith("at: name, urls changed, entry ")
    assert sopro("members", "list", place.eeig).stdout.split()[3] == "https://at.example"
    said = sopro("members", "change", place.eeig, "at", code=65).stderr
    assert "nothing to change" in said
    said = sopro("members", "change", place.eeig, "at", "--zone", "Europe/Nowhere", code=65).stderr
    assert "Europe/Nowhere" in said
    said = sopro("members", "change", place.eeig, "at", "--name", "Austria", code=65).stderr
    assert "expected LANGUAGE=TEXT" in said


def test_documents_of_an_entity_are_erased_once(place: Place) -> None:
    added = ("--legal-name", "Werkstatt Zaunkönig", "--country", "AT")
    entity = sopro("organisation", "add", place.at, *added).stdout.split()[0]
    reason = ("--reason", "request", "--deadline", "2099-01-31")
    done = sopro("erase", place.at, entity, *reason)
    assert re.fullmatch(r"document 0 of entry [0-9]+ is erased here\n", done.stdout)
    assert "members have until 2099-01-31" in done.stderr
    assert "due by 2099-01-31, not confirmed by eeig" in sopro("status", place.at).stdout
    again = sopro("erase", place.at, entity, *reason, code=1).stderr
    assert f"no document of an entity {entity} is here" in again
    wrong = sopro("erase", place.at, entity, "--reason", "request", "--deadline", "soon", code=65)
    assert "--deadline: expected a civil date" in wrong.stderr
    sopro("audit", place.at)


def test_status_says_who_and_how_much(place: Place) -> None:
    answer = json.loads(sopro("status", place.at, "--json").stdout)
    assert (answer["origin"], answer["membership"]) == ("sopro.example/at/1", "admitted")
    first = sopro("status", place.at).stdout.splitlines()
    assert first[0] == "sopro.example/at/1  site  membership: admitted"
    assert first[1] == f"own log: {answer['size']} entries, 0 void, 2 labels"


def test_criteria_are_published_from_a_file(place: Place) -> None:
    file = place.folder / "criteria.toml"
    file.write_text(
        '[[scheme]]\nscheme = "regio"\nkind = "product"\nstatus = "active"\n'
        'effective_date = "2026-10-01"\ngrace_days = 30\nmax_validity_months = 24\n'
        'surveillance_interval_months = 12\ntitle = { en = "Regional" }\n'
    )
    result = sopro("criteria", "publish", place.eeig, file)
    assert result.stdout.startswith("scheme regio: entry ")


def test_version_is_printed() -> None:
    assert "version 0." in sopro("--version").stdout


def test_a_damaged_database_is_told_in_a_sentence(place: Place) -> None:
    database = place.at / "node.db"
    data = bytearray(database.read_bytes())
    for start in range(4096, len(data), 2048):
        data[start : start + 64] = bytes(64)
    database.write_bytes(data)
    for arguments in (("status", place.at), ("label", "list", "--dir", place.at)):
        told = sopro(*arguments, code=65).stderr
        assert "damaged" in told or "cannot be read" in told
        assert "Traceback" not in told


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--language", "xx_yy", "language: expected the BCP 47 tag of a language"),
        ("--language", "qq", "language: expected the BCP 47 tag of a language"),
        ("--name", "=Ort", "name: expected the BCP 47 tag of a language"),
        ("--name", f"de={501 * 'a'}", "name: expected one line of at most 500 letters"),
    ],
)
def test_a_site_is_not_made_with_what_nobody_could_read(
    tmp_path: Path, option: str, value: str, sentence: str
) -> None:
    made = ("site", "new", tmp_path / "hu", "--site", "hu", "--country", "HU")
    assert sentence in sopro(*made, option, value, code=65).stderr
    assert not (tmp_path / "hu").exists()


def test_a_wrong_invite_binds_nobody(place: Place, tmp_path: Path) -> None:
    invite = json.loads((place.eeig / "invite.json").read_text())
    sopro("site", "new", tmp_path / "fr", "--site", "fr", "--country", "FR")
    wrong = tmp_path / "wrong.json"
    for changes in ({"root": "00" * 32}, {"root": "zz"}, {"urls": ["nonsense"]}):
        wrong.write_text(json.dumps(invite | changes))
        told = sopro("join", tmp_path / "fr", wrong, code=65).stderr
        assert "not an invite file" in told
    # As an editor may save it.
    wrong.write_bytes(b"\xef\xbb\xbf" + json.dumps(invite).encode())
    assert "the invite is pinned" in sopro("join", tmp_path / "fr", wrong, code=75).stderr
    coordinator = sopro("join", place.eeig, place.eeig / "invite.json", code=1).stderr
    assert "this node is the coordinator" in coordinator


def test_how_long_ago_is_not_said_after_the_clock_was_set_back(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = re.search(r"eeig/1: .*, current ([0-9.]+) s ago", sopro("status", place.at).stdout)
    assert said and float(said[1]) < 3600
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now - 86_400_000)
    assert re.search(r"eeig/1: .*, current at 20[0-9TZ:-]+\n", sopro("status", place.at).stdout)
