"""The text of a witness policy, read as strictly as it has to be written (WIT-15)."""

import re
from typing import Final

from sopro_conformance.wire.vkey import read_vkey

_BYTES: Final = re.compile(rb"[\x09\x0a\x20-\x7e\x80-\xff]*")
_BLANKS: Final = re.compile(r"[ \t]+")
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,3}")


def read_lines(text: bytes) -> list[list[str]]:
    """Return the fields of the lines that are no comments."""
    lines = text.decode("utf-8", "surrogateescape").split("\n")
    fields = [[one for one in _BLANKS.split(line) if one] for line in lines]
    return [one for one in fields if one and not one[0].startswith("#")]


def why_no_policy(text: bytes) -> str:
    """Say what is wrong with a policy; empty where nothing is."""
    if not _BYTES.fullmatch(text):
        return "a byte that no policy has"
    names: list[str] = []
    keys: list[bytes] = []
    grouped: list[str] = []
    quorums: list[str] = []
    for fields in read_lines(text):
        problem = ""
        match fields:
            case ["log", _, *url] if len(url) < 2:
                pass
            case ["witness", name, key, *url] if len(url) < 2:
                found = read_vkey(key)
                problem = "" if found else f"no verifier key of a witness: {key[:80]}"
                keys += [found[1]] if found else []
                names.append(name)
            case ["group", name, count, *members] if members:
                problem = _why_no_group(count, members, names)
                grouped += members
                names.append(name)
            case ["quorum", name] if name == "none" or name in names:
                quorums.append(name)
            case _:
                problem = f"no line of a policy: {' '.join(fields)[:120]}"
        if problem:
            return problem
    for what, chosen in (("name", names), ("key", keys), ("member of two groups", grouped)):
        if len(set(chosen)) != len(chosen):
            return f"the same {what} twice"
    return "" if len(quorums) == 1 else f"{len(quorums)} lines of quorum"


def _why_no_group(count: str, members: list[str], names: list[str]) -> str:
    if missing := [one for one in members if one not in names]:
        return f"a member that was not given before: {missing[0][:80]}"
    is_word = count in ("all", "any")
    if not is_word and not (_NUMBER.fullmatch(count) and int(count) <= len(members)):
        return f"neither all nor any nor a number of its members: {count[:80]}"
    return ""
