"""Registers that say of each label how it stands now, and what later ones of them append."""

from typing import Any

import msgspec
import pytest

from sopro_node.importing.fields import REGISTERED, Kind
from sopro_node.importing.guess import guess_mapping
from sopro_node.importing.mapping import load_mapping
from sopro_node.importing.plan import Known, Verdict
from sopro_node.importing.readings import Item
from sopro_node.importing.spool import Spooled
from sopro_node.importing.standing import plan_standing
from sopro_node.node import Node
from sopro_registry.fields import format_day
from sopro_registry.label import Status
from tests.node.conftest import Federation
from tests.node.importing.sources import (
    OFFERINGS,
    ORGANISATIONS,
    SECRET,
    FakeOffice,
    Told,
    counts,
    over_msgpack,
)
from tests.node.importing.test_plan import CODES

PEOPLE = "no,name,place,land,since\n1,Erste,Graz,AT,01.02.2020\n"
THINGS = "no,org,name\n" + "".join(f"{key},1,Ding {key}\n" for key in "abcdefgh")
STANDING: dict[str, Any] = {
    "columns": {
        "key": "nr",
        "status": "stand",
        "granted_on": "vergeben",
        "effective_date": "stand_seit",
        "valid_until": "bis",
        "reason_code": "grund",
    },
    "constants": {"scheme": "sopro"},
    "status": {
        "gültig": "hold",
        "entzogen": "revoke",
        "ruht": "suspend",
        "abgelaufen": "expired",
        "zurückgelegt": "terminate_on_request",
    },
}
HEADER = "nr,stand,vergeben,stand_seit,bis,grund\n"
FIRST = {
    "a": "gültig,2019-03-15,,2099-12-31,",
    "b": "entzogen,2018-01-20,2020-06-05,2022-12-31,insolvency",
    "c": "abgelaufen,2015-01-20,,2019-12-31,",
    "d": "ruht,2021-01-20,2024-02-01,2099-12-31,",
    "e": "entzogen,,2020-06-05,,",
    "f": "zurückgelegt,2018-01-20,,,",
    "g": "abgelaufen,2015-01-20,2019-06-30,,",
    "h": "gültig,,,,",
}
HISTORIES = {
    "a": [("grant", "2019-03-15")],
    "b": [("grant", "2018-01-20"), ("revoke", "2020-06-05")],
    "c": [("grant", "2015-01-20")],
    "d": [("grant", "2021-01-20"), ("suspend", "2024-02-01")],
    "e": [("grant", None), ("revoke", "2020-06-05")],
    "f": [("grant", "2018-01-20"), ("terminate_on_request", None)],
    "g": [("grant", "2015-01-20")],
    "h": [("grant", None)],
}
STATUSES = ["active", "revoked", "expired", "suspended", "revoked", "terminated", "expired"]


def as_file(rows: dict[str, str]) -> str:
    return HEADER + "".join(f"{key},{rest}\n" for key, rest in rows.items())


def histories(node: Node) -> dict[str, list[tuple[str, str | None]]]:
    """Return what the log says of the labels, which were granted in the order of their keys."""
    return {
        key: [(str(one.action), one.effective_date) for one in label.history]
        for key, label in zip("abcdefgh", node.desk.labels(), strict=False)
    }


class Site:
    """A site with things to label, and the lists of it that are imported."""

    def __init__(self, node: Node, told: Told) -> None:
        self.node, self.told, self.call = node, told, over_msgpack(node)

    async def take(self, rows: dict[str, str]) -> tuple[int, int, int, int]:
        return counts(await self.told.run(self.call, Kind.DECISIONS, as_file(rows), STANDING))


@pytest.fixture
async def site(federation: Federation, told: Told) -> Site:
    await federation.coordinator()
    site = Site((await federation.join("at", "AT")).node, told)
    await told.run(site.call, Kind.ORGANISATIONS, PEOPLE, ORGANISATIONS)
    await told.run(site.call, Kind.OFFERINGS, THINGS, OFFERINGS)
    return site


async def test_a_row_brings_in_the_grant_and_the_status(site: Site) -> None:
    assert await site.take(FIRST) == (8, 0, 0, 0), site.told.lines
    assert histories(site.node) == HISTORIES
    assert [one.status for one in site.node.desk.labels()] == [*STATUSES, "active"]
    size = site.node.log.held.size
    assert await site.take(FIRST) == (0, 8, 0, 0)
    assert site.node.log.held.size == size


# What a later list says, and what comes of it: appended, unchanged, refused, bad; the history then.
LATER = [
    ("a", "ruht,2019-03-15,2024-05-01,2099-12-31,", "1000", [("suspend", "2024-05-01")]),
    ("a", "gültig,2024-06-15,,2104-12-31,", "1000", [("reinstate", "2024-06-15")]),
    ("a", "gültig,2024-06-15,,2104-12-31,", "0100", [("reinstate", "2024-06-15")]),
    ("a", "entzogen,2024-06-15,2025-01-01,2025-01-01,", "1000",
     [("reinstate", "2024-06-15"), ("revoke", "2025-01-01")]),
    ("a", "gültig,2025-06-01,,2104-12-31,", "1000", [("revoke", "2025-01-01"),
     ("reinstate", "2025-06-01")]),
    ("a", "gültig,2025-06-01,,2104-12-31,", "0100", [("reinstate", "2025-06-01")]),
    # An older list, an end of validity alone, another day of the same grant.
    ("a", "entzogen,2024-06-15,2025-01-01,2025-01-01,", "0010", [("reinstate", "2025-06-01")]),
    ("b", "entzogen,2018-01-20,2020-07-05,2022-12-31,insolvency", "0001", []),
    ("b", "entzogen,2018-01-20,2020-06-05,2022-12-31,other", "0001", []),
    ("b", "entzogen,2018-01-21,2020-06-05,2022-12-31,insolvency", "0001", []),
    ("d", "ruht,2021-01-20,2024-02-01,2098-12-31,", "0001", []),
    ("d", "gültig,2021-01-20,,2099-12-31,", "1000", [("reinstate", "2024-02-01")]),
    ("d", "gültig,2021-01-20,,2099-12-31,", "0100", []),
    ("d", "ruht,2021-01-20,2023-02-01,2099-12-31,", "0010", []),
    ("e", "gültig,,2026-01-01,,", "1000", [("reinstate", "2026-01-01")]),
    ("e", "gültig,,2026-01-01,,", "0100", [("reinstate", "2026-01-01")]),
    ("c", "gültig,2025-01-20,,2099-12-31,", "1000", [("renew", "2025-01-20")]),
    ("c", "gültig,2025-01-20,,2099-12-31,", "0100", [("renew", "2025-01-20")]),
    ("c", "gültig,2024-01-20,,2099-12-31,", "0001", [("renew", "2025-01-20")]),
    ("h", "entzogen,,,,", "1000", [("revoke", None)]),
    ("h", "entzogen,,,,", "0100", [("revoke", None)]),
    ("h", "gültig,,,,", "1000", [("reinstate", None)]),
]  # fmt: skip


async def test_a_later_list_appends_what_is_new_in_it(site: Site) -> None:
    await site.take(FIRST)
    for key, rest, expected, last in LATER:
        found = await site.take({key: rest})
        assert "".join(map(str, found)) == expected, (key, rest, site.told.lines)
        history = histories(site.node)[key]
        assert [one[0] for one in history[-len(last) :]] == [one[0] for one in last or history]


def test_what_the_site_has_decided_since_stays() -> None:
    held = [
        [4, CODES["grant"], 737133, int(Status.ACTIVE), 0, 0, True, b"s" * 8],
        [9, CODES["revoke"], 739000, int(Status.REVOKED), 0, 0, False, b""],
    ]
    values = {"granted_on": format_day(737133)}
    item = Item(["7"], 0, [], ["7"], "hold", ("s", "x"), values, {}, is_dated=False)
    row = Spooled(2, ["7"], item, "")
    known = Known(b"h" * 32, {"decisions": held}, {}, {})
    [one] = plan_standing([row], known, secret=SECRET, is_referred=True)
    assert one.verdict is Verdict.UNCHANGED
    known = Known(b"h" * 32, {"decisions": held[:1]}, {}, {})
    ended = Spooled(2, ["7"], msgspec.structs.replace(item, word="end"), "")
    [one] = plan_standing([ended], known, secret=SECRET, is_referred=True)
    assert [draft["values"]["action"] for draft in one.drafts] == ["revoke"]


WRONG = [
    ("abgelaufen,2015-01-20,,,", "nothing says when: name the column of 'valid_until'"),
    ("abgelaufen,2015-01-20,,2099-12-31,", "its validity lasts until 2099-12-31"),
    ("entzogen,2019-01-20,2018-01-01,,", "lies before column 'vergeben', value '2019-01-20'"),
    ("gültig,2019-01-20,,2018-01-01,", "lies before column 'vergeben', value '2019-01-20'"),
    ("verliehen,2019-01-20,,,", "no such status; known: gültig, entzogen"),
]


@pytest.mark.parametrize(("rest", "says"), WRONG)
async def test_says_what_is_wrong_with_a_row(
    office: FakeOffice, told: Told, rest: str, says: str
) -> None:
    summary = await told.run(office, Kind.DECISIONS, as_file({"a": rest}), STANDING)
    assert counts(summary) == (0, 0, 0, 1)
    assert says in told.lines[0]


async def test_two_rows_of_a_label_need_an_order(office: FakeOffice, told: Told) -> None:
    text = as_file({"a": FIRST["a"]}) + f"a,{FIRST['a']}\na,{FIRST['b']}\n"
    assert counts(await told.run(office, Kind.DECISIONS, text, STANDING)) == (1, 1, 0, 1)
    assert "line 2 is this label already; keep one row, or name the column" in told.lines[0]


LISTS = [
    (
        "Lizenznr;Inhaber;Ort;Land;Produkt;Status;Verliehen am;Gültig bis;Entzogen am\n"
        "SN-1;Alpha;Wien;AT;Brot;gültig;15.03.2019;31.12.2099;\n"
        "SN-2;Beta;Linz;AT;Sessel;entzogen;20.01.2018;31.12.2022;05.06.2020\n"
        "SN-3;Gamma;Graz;AT;Tisch;abgelaufen;20.01.2015;31.12.2019;\n"
        "SN-4;Gamma;Graz;AT;Seife;ruhend;20.01.2021;unbefristet;\n",
        ["active", "revoked", "expired", "suspended"],
    ),
    (
        "license_no,company,city,country,product,status,granted_on,withdrawn_on,suspended_on\n"
        "1,Alpha,Wien,AT,Bread,active,2019-03-15,,\n"
        "2,Beta,Linz,AT,Chair,withdrawn,2018-01-20,2020-06-05,\n"
        "3,Beta,Linz,AT,Table,suspended,,,2024-01-01\n",
        ["active", "revoked", "suspended"],
    ),
    (
        "label number|holder|country|product|state\nA1|Alpha|HU|Kenyér|active\n"
        "A2|Beta|HU|Szék|withdrawn\n",
        ["active", "revoked"],
    ),
]


@pytest.mark.parametrize(("text", "statuses"), LISTS)
async def test_a_list_of_labels_comes_in_as_it_is_guessed(
    federation: Federation, told: Told, text: str, statuses: list[str]
) -> None:
    await federation.coordinator()
    node = (await federation.join("at", "AT")).node
    source, written = told.folder / "list.csv", told.folder / "list.toml"
    source.write_text(text)
    written.write_text(guess_mapping(source).toml)
    rows = text.count("\n") - 1
    for kind in REGISTERED:
        summary = await told.run(over_msgpack(node), kind, text, load_mapping(written, kind))
        assert (summary.appended + summary.unchanged, summary.read) == (rows, rows), told.lines
    assert [one.status for one in node.desk.labels()] == statuses
