"""An adapter that says `hello` with one object and refuses everything with another, as they stand.

python says.py OK REJECT
"""

import json
import sys

for line in sys.stdin:
    request = json.loads(line)
    said = f'"ok": {sys.argv[1]}' if request["verb"] == "hello" else f'"reject": {sys.argv[2]}'
    sys.stdout.write(f'{{"id": {request["id"]}, {said}}}\n')
    sys.stdout.flush()
