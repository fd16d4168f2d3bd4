"""Run Meltano, and end with 78 if the tap has failed with an error that another run cannot cure.

python3 entrypoint.py run yonyou-to-postgres
"""

import os
import re
import signal
import subprocess
import sys

#: A line of the tap if none of its kinds may pass by itself (docs/errors.md).
FINAL = re.compile(r"error_kind: (?![a-z, ]*(server|changed|target))")

# In a session of its own, so that a signal to all processes reaches Meltano once.
with subprocess.Popen(
    [os.environ.get("MELTANO", "meltano"), *sys.argv[1:]],
    encoding="utf-8",
    errors="replace",
    start_new_session=True,
    stderr=subprocess.PIPE,
) as meltano:
    signal.signal(signal.SIGTERM, lambda *_: meltano.terminate())
    is_final = False
    for line in meltano.stderr or ():
        sys.stderr.write(line)
        is_final = is_final or bool(FINAL.search(line))
code = meltano.returncode
sys.exit(78 if code and is_final else code if code >= 0 else 128 - code)
