"""Nodes that know no rule: they answer from the tapes of other runs, or by statistics.

    python cheats.py record TAPE COMMAND    hands on to an adapter, keeps what was asked and said
    python cheats.py HOW TAPE [TAPE ...]    answers without one

They compute three things, to be worth their name: the hash of an entry, the two lines of a
checkpoint, and the path of an inclusion proof. Only a rule could tell them the verdict.
"""

import base64
import hashlib
import json
import random
import re
import shlex
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

Request: TypeAlias = Mapping[str, Any]
Said: TypeAlias = dict[str, Any]
Tape: TypeAlias = list[tuple[Request, Said]]
Answer: TypeAlias = Callable[[Request], Said]

_WORD: Final = re.compile(rb"[A-Za-z_]{3,}")
_NUMBER: Final = re.compile(rb"SOPRO/[A-Z0-9]+/[0-9]{3}/[0-9]{6,9}")


def record(file: Path, command: str) -> None:
    """Hand every request on, and keep it with its answer."""
    with (
        subprocess.Popen(
            shlex.split(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as node,
        file.open("w") as tape,
    ):
        assert node.stdin is not None and node.stdout is not None
        for line in sys.stdin:
            node.stdin.write(line)
            node.stdin.flush()
            said = node.stdout.readline()
            tape.write(json.dumps([json.loads(line), json.loads(said)]) + "\n")
            tape.flush()
            sys.stdout.write(said)
            sys.stdout.flush()


def read(files: list[str]) -> Tape:
    """Return what was asked for a verdict, and the verdict."""
    rows = [json.loads(line) for file in files for line in Path(file).read_text().splitlines()]
    for request, said in rows:
        request.pop("id"), said.pop("id")
    return [(request, said) for request, said in rows if request["verb"] == "verify"]


def fingerprint(request: Request) -> str:
    """Return the digest of a question."""
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()


def measure(value: Any, *, deep: bool) -> Any:
    """Return what a question looks like from far away: lengths, and how many there are of what."""
    if isinstance(value, dict):
        return tuple((name, measure(value[name], deep=deep)) for name in sorted(value))
    if isinstance(value, list):
        return (len(value), *(measure(one, deep=deep) for one in value if deep))
    return len(value) if isinstance(value, str) else type(value).__name__


def kind(request: Request) -> Any:
    """Return what kind of question it is."""
    return request.get("kind")


def size(request: Request) -> Any:
    """Return the kind of a question, and how long it is."""
    return kind(request), len(json.dumps(request))


def shape(request: Request) -> Any:
    """Return the length of everything in it, entry by entry."""
    return measure(request, deep=True)


def counts(request: Request) -> Any:
    """Return how many logs, entries and keys there are in it, and how long its texts are not."""
    logs = [len(one["entries"]) for one in request.get("logs") or ()]
    lists = [len(one) for one in request.values() if isinstance(one, list)]
    return kind(request), tuple(logs), tuple(lists)


def by_place(tape: Tape) -> Answer:
    """Answer the n-th question of a kind as the n-th of that kind was answered."""
    left: dict[Any, Iterator[Said]] = {
        name: iter([said for one, said in tape if kind(one) == name])
        for name in map(kind, _of(tape))
    }
    return lambda request: next(left.get(kind(request), iter(())), {"ok": {}})


def by_digest(tape: Tape) -> Answer:
    """Answer what was asked before as it was answered, and accept all else."""
    known = {fingerprint(request): said for request, said in tape}
    return lambda request: known.get(fingerprint(request), {"ok": {}})


def by_looks(*looks: Callable[[Request], Any]) -> Callable[[Tape], Answer]:
    """Answer as most of those were that looked the same; from the finest look to the coarsest."""

    def learn(tape: Tape) -> Answer:
        known: dict[Any, Counter[str]] = defaultdict(Counter)
        for request, said in tape:
            for look in looks:
                known[look.__name__, look(request)][json.dumps(said)] += 1

        def answer(request: Request) -> Said:
            for look in looks:
                if seen := known.get((look.__name__, look(request))):
                    found: Said = json.loads(seen.most_common(1)[0][0])
                    return found
            return {"ok": {}}

        return answer

    return learn


def by_nearest(tape: Tape) -> Answer:
    """Answer as the question of that kind whose length is nearest."""
    known: dict[Any, list[tuple[int, Said]]] = defaultdict(list)
    for request, said in tape:
        known[kind(request)].append((size(request)[1], said))

    def answer(request: Request) -> Said:
        near = known.get(kind(request)) or [(0, {"ok": {}})]
        return min(near, key=lambda one: abs(one[0] - size(request)[1]))[1]

    return answer


def _words(data: bytes) -> Counter[bytes]:
    """Return the words that can be read in bytes without knowing how they are written."""
    return Counter(_WORD.findall(data))


def _bytes_of(value: Any) -> bytes:
    """Return all that is written in a question, one after the other."""
    if isinstance(value, dict | list):
        parts = value.values() if isinstance(value, dict) else value
        return b" ".join(map(_bytes_of, parts))
    try:
        return base64.b64decode(str(value), validate=True)
    except ValueError:
        return str(value).encode()


def _likeness(one: Counter[bytes], other: Counter[bytes]) -> float:
    both, either = (one & other).total(), (one | other).total()
    return both / either if either else 1.0


def by_words(tape: Tape) -> Answer:
    """Answer as the question that has most words in common, about the entries that have them.

    This is as near as one comes without a codec, and it learns what the cases are about.
    """
    known: dict[Any, list[tuple[Counter[bytes], Request, Said]]] = defaultdict(list)
    for request, said in tape:
        known[kind(request)].append((_words(_bytes_of(request)), request, said))

    def answer(request: Request) -> Said:
        words = _words(_bytes_of(request))
        near = max(
            known.get(kind(request), []), key=lambda one: _likeness(words, one[0]), default=None
        )
        if near is None:
            return {"ok": {}}
        return _move(near[1], near[2], request) if "logs" in near[2].get("ok", {}) else near[2]

    return answer


def _move(old: Request, said: Said, new: Request) -> Said:
    """Say of the entries that look alike what was said of those of the tape."""
    moved: Said = json.loads(json.dumps(said))
    for before, now in zip(old["logs"], new["logs"], strict=False):
        void = moved["ok"]["logs"].get(before["origin"], {}).get("void", {})
        entries = [_words(base64.b64decode(one)) for one in now["entries"]]
        found, free = {}, set(range(len(entries)))
        for index, code in void.items():
            looks = _words(base64.b64decode(before["entries"][int(index)]))
            at = max(free, key=lambda one: (_likeness(looks, entries[one]), one), default=0)
            free.discard(at)
            found[str(at)] = code
        void.clear()
        void.update(found)
    return moved


def by_first(tape: Tape) -> Answer:
    """Accept what has no like in this run yet, and refuse what has, as one of that kind was."""
    codes = _codes(tape)
    seen: set[Any] = set()

    def answer(request: Request) -> Said:
        is_new = counts(request) not in seen
        seen.add(counts(request))
        return {"ok": {}} if is_new else codes(request)

    return answer


def by_turns(tape: Tape) -> Answer:
    """Accept every second question of a kind."""
    codes = _codes(tape)
    asked: Counter[Any] = Counter()

    def answer(request: Request) -> Said:
        asked[kind(request)] += 1
        return {"ok": {}} if asked[kind(request)] % 2 else codes(request)

    return answer


def by_coin(tape: Tape) -> Answer:
    """Answer as any question of that kind was, the same question always in the same way."""
    known: dict[Any, list[Said]] = defaultdict(list)
    for request, said in tape:
        known[kind(request)].append(said)

    def answer(request: Request) -> Said:
        source = random.Random(fingerprint(request))
        return source.choice(known.get(kind(request)) or [{"ok": {}}])

    return answer


def _of(tape: Tape) -> list[Request]:
    return [request for request, _ in tape]


def _codes(tape: Tape) -> Answer:
    """Refuse by the code that is most frequent among questions of the kind."""
    known: dict[Any, Counter[str]] = defaultdict(Counter)
    for request, said in tape:
        if "reject" in said:
            known[kind(request)][said["reject"]["code"]] += 1

    def answer(request: Request) -> Said:
        [(code, _)] = known[kind(request)].most_common(1) or [("void", 0)]
        return {"reject": {"code": code, "message": ""}}

    return answer


HOW: Final[Mapping[str, Callable[[Tape], Answer]]] = {
    "place": by_place,
    "digest": by_digest,
    "size": by_looks(size, kind),
    "shape": by_looks(shape, size, counts, kind),
    "counts": by_looks(counts, kind),
    "nearest": by_nearest,
    "words": by_words,
    "first": by_first,
    "turns": by_turns,
    "coin": by_coin,
    "most": by_looks(kind),
}
"""By what a verdict is guessed."""


def fill(request: Request, said: Said) -> Said:
    """Put into an answer what can be computed without a rule."""
    if "ok" not in said or request.get("kind") not in ("entry", "checkpoint", "logs"):
        return said
    if request["kind"] == "logs":
        return _rename(request, said)
    data = base64.b64decode(request["bytes"])
    if request["kind"] == "entry":
        leaf = hashlib.sha256(b"\0" + data).digest()
        return {"ok": {"id": base64.b64encode(leaf).decode()}}
    lines = data.split(b"\n")
    if len(lines) > 2 and lines[1].isdigit():
        return {"ok": {"size": int(lines[1]), "root": lines[2].decode("ascii", "replace")}}
    return said


def _rename(request: Request, said: Said) -> Said:
    """Put the logs and labels that are asked about in the place of those of the tape."""
    text = json.dumps(said)
    old = [name for one in ("logs", "refused") for name in said["ok"].get(one, {})]
    domains = Counter(name.split("/")[0] for name in old)
    if domains:
        text = text.replace(domains.most_common(1)[0][0], request["coordinator"].split("/")[0])
    data = b"".join(base64.b64decode(one) for log in request["logs"] for one in log["entries"])
    asked = [one.decode() for one in sorted(set(_NUMBER.findall(data)))]
    for before, now in zip(sorted(said["ok"].get("labels", {})), asked, strict=False):
        text = text.replace(json.dumps(before), json.dumps(now))
    found: Said = json.loads(text)
    return found


def prove(request: Request) -> Said:
    """Follow the path of an inclusion proof (TREE-2), as it is on everybody's shelf."""
    index, last = request["index"], request["size"] - 1
    found = base64.b64decode(request["leaf"])
    is_right = 0 <= index <= last < 2**48 and len(found) == 32
    for text in request["proof"]:
        one = base64.b64decode(text)
        is_right = is_right and last > 0 and len(one) == 32
        if index & 1 or index == last:
            found = hashlib.sha256(b"\1" + one + found).digest()
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            found = hashlib.sha256(b"\1" + found + one).digest()
        index, last = index >> 1, last >> 1
    is_right = is_right and last == 0 and found == base64.b64decode(request["root"])
    return {"ok": {}} if is_right else {"reject": {"code": "proof.invalid", "message": ""}}


def play(how: str, files: list[str]) -> None:
    """Answer every request from tapes of other runs."""
    guess = HOW[how](read(files))
    for line in sys.stdin:
        request = json.loads(line)
        number = request.pop("id")
        if request["verb"] == "hello":
            said: Said = {"ok": {"protocol": 1, "software": how, "version": "1", "features": []}}
            said["ok"]["profiles"] = ["reader"]
        elif request.get("kind") == "inclusion":
            said = prove(request)
        else:
            said = fill(request, guess(request))
        sys.stdout.write(json.dumps({"id": number, **said}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1] == "record":
        record(Path(sys.argv[2]), sys.argv[3])
    else:
        play(sys.argv[1], sys.argv[2:])
