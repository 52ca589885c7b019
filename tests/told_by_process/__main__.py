"""A program that tells what a process finds when it starts."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
import time
import uuid
from pathlib import Path

if __name__ == "__main__":
    told = {
        "argv": sys.argv,
        "orig_argv": sys.orig_argv,
        "path": sys.path[0],
        "folder": str(Path.cwd()),
        "environ": dict(os.environ),
        "zone": time.tzname,
        "umask": oct(os.umask(0)),
        "signals": {int(number): str(signal.getsignal(number)) for number in signal.valid_signals()},
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        "threads": threading.active_count(),
        "descriptors": sorted(int(item.name) for item in Path("/proc/self/fd").iterdir()),
        "streams": [
            (stream.name, stream.mode, stream.encoding, stream.errors, stream.line_buffering, stream.isatty())
            for stream in (sys.stdin, sys.stdout, sys.stderr)
        ],
        "group": os.getpgrp(),
        "leads": os.getsid(0) == os.getpid(),
        "main": sys.modules["__main__"].__file__,
        "own": [random.random(), str(uuid.uuid4()), os.getpid()],  # no two processes share these
    }
    print(json.dumps(told))
    print("noted", file=sys.stderr)
    sys.exit(int(sys.argv[1]))
