"""An adapter that accepts with one object, and refuses every input with another, as they stand.

python says.py OK [REJECT]
"""

import json
import sys

for line in sys.stdin:
    request = json.loads(line)
    is_input = request["verb"] == "verify"
    said = f'"reject": {sys.argv[2]}' if is_input else f'"ok": {sys.argv[1]}'
    sys.stdout.write(f'{{"id": {request["id"]}, {said}}}\n')
    sys.stdout.flush()
