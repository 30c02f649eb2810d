"""An adapter that knows nothing of the protocol; its argument says how it behaves."""

import json
import sys
import time

HOW = sys.argv[1]


def main() -> None:
    if HOW == "dead":
        sys.exit(1)
    for line in sys.stdin:
        request = json.loads(line)
        number = request["id"]
        if HOW == "mute":
            continue
        if HOW == "endless":
            while True:
                sys.stdout.write("x" * 65536)
        if HOW == "garbage":
            answers = ["null", "[]", "not json", '{"id": []}', "[" * 100_000]
        elif HOW == "crash" and request["verb"] != "hello":
            sys.exit(3)
        elif request["verb"] == "hello" or HOW == "accept all":
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
