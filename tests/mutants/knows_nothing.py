"""An adapter that knows nothing of the protocol; its argument says how it behaves."""

import json
import sys
import time

HOW = sys.argv[1]


def pour() -> None:
    while True:
        sys.stdout.write("x" * 65536)


def end() -> None:
    sys.stderr.write("no licence\n")
    sys.exit(7)


OUTBURSTS = {
    "complains": lambda: sys.stderr.write("x" * 2**23),
    "endless": pour,
    "floods": lambda: sys.stdout.write("\n" * 2**21),
    "last words": end,
}


def main() -> None:
    for line in sys.stdin if HOW != "dead" else ():
        request = json.loads(line)
        number = request["id"]
        if HOW == "mute":
            continue
        OUTBURSTS.get(HOW, lambda: None)()
        if HOW == "garbage":
            answers = ["null", "[]", "not json", '{"id": []}', "[" * 100_000]
        elif HOW == "crash" and request["verb"] != "hello":
            sys.exit(3)
        elif request["verb"] == "hello" or HOW in ("accept all", "complains"):
            answers = [json.dumps({"id": number, "ok": {}})]
        elif HOW == "refuse all":
            answers = [json.dumps({"id": number, "reject": {"code": "enc.limit"}})]
        elif HOW == "slow":
            time.sleep(0.4)
            answers = [json.dumps({"id": number, "ok": {}})]
        else:
            answers = [json.dumps({"id": number, "ok": [], "reject": "no"})]
        for answer in answers:
            sys.stdout.write(answer + "\n")
        sys.stdout.flush()


main()
