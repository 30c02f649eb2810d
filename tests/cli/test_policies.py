"""The witness policy and a checkpoint, checked with these two files alone."""

import json
from pathlib import Path

import pytest

from sopro_node.keyring import load_keys
from sopro_protocol.checkpoint import Checkpoint, sign_checkpoint
from sopro_protocol.cosignature import cosign
from sopro_protocol.keys import COSIGNATURE, Role, make_vkey
from sopro_protocol.merkle import Hash
from sopro_protocol.note import add_signatures
from sopro_protocol.policy import Policy, PolicyGroup, PolicyLog, PolicyWitness, format_policy
from tests.cli.place import Place, sopro

HEAD = Checkpoint("sopro.example/at/1", 7, Hash(bytes(32)))
TIMES = {"at": 1_800_000_000, "eeig": 1_800_000_060}


@pytest.fixture
def files(place: Place, tmp_path: Path) -> tuple[Path, Path]:
    """A policy of both nodes, and a checkpoint that both cosigned."""
    signers = {site: load_keys(place.folder / site, *Role) for site in TIMES}
    lines, witnesses = [], []
    for site, time in TIMES.items():
        name, signer = f"sopro.example/{site}/witness", signers[site][Role.WITNESS]
        lines.append(cosign(HEAD, name=name, signer=signer, time=time))
        vkey = make_vkey(name, signer.public_key, key_type=COSIGNATURE)
        witnesses.append(PolicyWitness(site, vkey))
    log = signers["at"][Role.LOG]
    policy = Policy(
        (PolicyLog(make_vkey(HEAD.origin, log.public_key)),),
        tuple(witnesses),
        (PolicyGroup("Quorum", 2, tuple(TIMES)),),
        "Quorum",
    )
    note, file = tmp_path / "checkpoint", tmp_path / "policy"
    note.write_bytes(add_signatures(sign_checkpoint(HEAD, log), lines))
    file.write_text(format_policy(policy))
    return note, file


def test_says_who_witnessed_a_checkpoint_and_when(files: tuple[Path, Path]) -> None:
    note, file = files
    said = sopro("policy", "check", note, "--policy", file).stdout.splitlines()
    assert said == [
        "sopro.example/at/1 at size 7 is witnessed by at, eeig",
        "  earliest at 2027-01-15T08:00:00Z, median 2027-01-15T08:00:00Z",
    ]
    told = json.loads(sopro("policy", "check", note, "--policy", file, "--json").stdout)
    assert (told["witnesses"], told["earliest"], told["size"]) == (TIMES, 1_800_000_000, 7)
    assert "signed by sopro.example/eeig/witness (key " in sopro("inspect", note).stdout
    assert ") at 2027-01-15T08:01:00Z, not verified here" in sopro("inspect", note).stdout


def test_refuses_what_is_not_witnessed(files: tuple[Path, Path]) -> None:
    note, file = files
    lines = note.read_text().splitlines(keepends=True)
    note.write_text("".join(lines[:-1]))
    result = sopro("policy", "check", note, "--policy", file, code=76)
    assert "expected a quorum of 'Quorum', got cosignatures of ['at']" in result.stderr
    note.write_text("".join(lines).replace("\n7\n", "\n8\n"))
    assert "does not verify" in sopro("policy", "check", note, "--policy", file, code=76).stderr


def test_refuses_files_that_are_neither(files: tuple[Path, Path]) -> None:
    note, file = files
    assert "policy: line 1" in sopro("policy", "check", note, "--policy", note, code=65).stderr
    assert "note: " in sopro("policy", "check", file, "--policy", file, code=65).stderr
    missing = sopro("policy", "check", note, "--policy", note.parent / "none", code=65)
    assert "'sopro policy export' writes one" in missing.stderr
