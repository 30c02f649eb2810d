"""Certificates held to what a directory knows: `--dir` instead of `--invite`."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from sopro_node.drafting import Draft
from sopro_node.node import Node
from tests.cli.place import GRANTED, Place, sopro


@pytest.fixture
def file(place: Place) -> Path:
    path = place.folder / "label.sopro"
    sopro("certificate", "get", GRANTED, "--dir", place.at, "-o", path)
    return path


def verify(path: Path, *trusted: object, code: int) -> dict[str, Any]:
    result = sopro("certificate", "verify", path, *trusted, "--json", code=code)
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def end(place: Place, size: int) -> None:
    """Have the coordinator expel `at`; its log ends where it says."""
    sopro("members", "expel", place.eeig, "at", "--size", size)


def test_a_directory_knows_what_the_federation_has_ended(place: Place, file: Path) -> None:
    size = verify(file, "--invite", place.invite, code=0)["size"]
    end(place, size)
    judged = verify(file, "--dir", place.eeig, code=0)
    assert (judged["is_recorded"], judged["is_witnessed"]) == (True, False)
    said = sopro("certificate", "verify", file, "--dir", place.eeig).stdout
    assert "when the coordinator recorded that sopro.example/at/1 has ended" in said
    # Who has the invite alone, and the site's own directory, do not know it.
    for trusted in (("--invite", place.invite), ("--dir", place.at)):
        assert verify(file, *trusted, code=0)["is_recorded"] is False


def test_the_word_of_a_site_that_has_gone_does_not_suffice(place: Place, file: Path) -> None:
    end(place, verify(file, "--invite", place.invite, code=0)["size"] + 1)
    judged = verify(file, "--dir", place.eeig, code=4)
    assert (judged["verdict"], judged["code"]) == ("unproven", "cert.gone")
    listed = place.folder / "list.csv"
    listed.write_text(f"number\n{GRANTED}\n")
    given = sopro("certificate", "check", listed, "--dir", place.at, "--invite", place.invite)
    assert f"{GRANTED},valid" in given.stdout


def test_what_was_decided_after_the_end_is_refused(place: Place, file: Path) -> None:
    end(place, 4)
    result = sopro("certificate", "verify", file, "--dir", place.eeig, code=76)
    assert "the site's membership ended at position 4 of its log" in result.stderr


def test_a_policy_that_the_directory_knows_is_asked_for(place: Place, file: Path) -> None:
    sopro("members", "witnesses", place.eeig, "--site", "eeig")
    judged = verify(file, "--dir", place.eeig, code=4)
    assert (judged["verdict"], judged["code"]) == ("unproven", "ckp.quorum")
    assert verify(file, "--invite", place.invite, code=0)["verdict"] == "valid"


def test_another_history_than_the_one_held_is_refused(place: Place) -> None:
    twin, path = place.folder / "twin", place.folder / "label.sopro"
    shutil.copytree(place.at, twin)
    for folder in (place.at, twin):
        asyncio.run(_append(folder))
    sopro("certificate", "get", GRANTED, "--dir", place.at, "-o", path)
    verify(path, "--dir", place.at, code=0)
    result = sopro("certificate", "verify", path, "--dir", twin, code=76)
    assert "is of another history than the one known here" in result.stderr


async def _append(folder: Path) -> None:
    node = await Node.open(folder)
    await node.log.append(Draft("serve_alone", {"peers": 1, "reason": folder.name}))
    await node.close()


def test_a_directory_that_knows_more_has_the_last_word(place: Place, file: Path) -> None:
    """A file of before a revocation proves what was; the directory has mirrored the revocation."""
    place.decide("suspend", GRANTED, "--reason", "fees_unpaid", "--suspended-until", "2099-01-01")
    judged = verify(file, "--dir", place.at, code=10)
    assert (judged["verdict"], judged["status"]) == ("suspended", "active")
    assert judged["later"]["status"] == "suspended"
    assert [action for action, _ in judged["later"]["decided"]] == ["suspend"]
    said = sopro("certificate", "verify", file, "--dir", place.at, code=10).stdout
    assert "suspended until 2099-01-01" in said
    assert "suspend, not in the file but in this directory" in said
    # The eeig's directory has not synced, and who has the invite alone knows nothing.
    for trusted in (("--invite", place.invite), ("--dir", place.eeig)):
        assert verify(file, *trusted, code=0)["later"] is None
    place.decide("reinstate", GRANTED)
    judged = verify(file, "--dir", place.at, code=0)
    assert (judged["verdict"], judged["later"]["status"]) == ("valid", "active")
    assert verify(file, "--dir", place.at, "--at", "2020-01-01", code=16)["verdict"] == "none"
    place.decide("revoke", GRANTED, "--reason", "misuse_of_mark", "--appeal-until", "2099-01-01")
    assert verify(file, "--dir", place.at, code=11)["verdict"] == "revoked"
    fresh = place.folder / "fresh.sopro"
    sopro("certificate", "get", GRANTED, "--dir", place.at, "-o", fresh)
    assert verify(fresh, "--dir", place.at, code=11)["later"] is None
