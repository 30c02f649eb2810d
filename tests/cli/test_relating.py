import json

from tests.cli.place import Place, sopro


def add(place: Place, name: str) -> str:
    return sopro(
        "organisation", "add", place.at, "--legal-name", name, "--country", "AT"
    ).stdout.strip()


def test_the_history_of_an_organisation_follows_its_mergers(place: Place) -> None:
    old, new, later = (add(place, name) for name in ("Alt GmbH", "Neu GmbH", "Nachfolge GmbH"))
    relate = ("organisation", "relate", place.at)
    done = sopro(*relate, old, "merged_into", new, "--since", "2020-01-01").stdout
    assert done.endswith(": 1 relations\n")
    sopro(*relate, later, "successor_of", new)
    lines = sopro("organisation", "lineage", old, "--dir", place.at).stdout.splitlines()
    assert [line.split("  ")[-1] for line in lines[:3]] == [
        "Alt GmbH",
        "Neu GmbH",
        "Nachfolge GmbH",
    ]
    merged = f"  at {old[:8]} was merged into at {new[:8]} since 2020-01-01"
    assert merged in lines[3:]
    before = sopro("organisation", "lineage", old, "--dir", place.at, "--at", "2019-12-31")
    assert len(before.stdout.splitlines()) == 1


def test_a_circle_is_refused_and_a_mistake_taken_back(place: Place) -> None:
    one, other = add(place, "Eins"), add(place, "Zwei")
    relate = ("organisation", "relate", place.at)
    sopro(*relate, one, "merged_into", other)
    refused = sopro(*relate, other, "merged_into", one, code=1)
    assert f"merged_into leads back to {other} itself" in refused.stderr
    again = sopro(*relate, one, "same_as", other, code=1)
    assert "related already" in again.stderr
    sopro("organisation", "unrelate", place.at, one, other)
    sopro("organisation", "unrelate", place.at, one, other, code=1)
    sopro(*relate, other, "merged_into", one)


def test_what_another_site_does_not_say_is_marked(place: Place) -> None:
    here, abroad = add(place, "Hier"), "ab" * 16
    sopro("organisation", "relate", place.at, here, "same_as", abroad, "--site", "hu")
    shown = sopro("organisation", "lineage", here, "--dir", place.at)
    assert f"hu  {abroad}  (not known to this node)" in shown.stdout
    assert "; only at says so" in shown.stdout
    answer = json.loads(sopro("organisation", "lineage", here, "--dir", place.at, "--json").stdout)
    assert [one["is_confirmed"] for one in answer["statements"]] == [False]
    sopro("organisation", "lineage", abroad, "--dir", place.at, code=1)
