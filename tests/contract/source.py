"""The source bundles that the contract's environments run: the standard library alone, so that nothing is installed."""

from __future__ import annotations

import io
import zipfile

SERVER = """
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = f"{LABEL} {os.environ.get('COLOR', '')} {self.headers['Host']}".encode()
        if self.path == "/facts":
            body = b"".join(path.read_bytes() for path in sorted(Path.cwd().glob("*.facts")))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8000"))), Handler).serve_forever()
"""
FAILS = "container_commands:\n  01_fail:\n    command: exit 3\n"
BROKEN = "option_settings:\n  - namespace: [\n"
FACTS = """
container_commands:
  01_shell:
    command: set -o pipefail; [[ "$COLOR" == blue ]] && echo "shell=bash" > 1.facts
  02_instance:
    command: |
      echo "leader=$EB_IS_COMMAND_LEADER" >> 2.facts
      echo "here=$PWD" >> 2.facts
      echo "color=$(/opt/elasticbeanstalk/bin/get-config environment -k COLOR)" >> 2.facts
  03_virtual_environment:
    command: source /var/app/venv/*/bin/activate && echo "python=$(type -P python)" >> 3.facts
"""
"""What a platform of Amazon Linux 2023 gives its commands: bash as sh, folders, get-config, who leads."""
HOOK = "#!/bin/bash\r\necho hook=$EB_IS_COMMAND_LEADER >> 4.facts\r\n"
"""A hook as somebody on Windows commits it: with CRLF, and without its executable bit."""


def bundle(label: str, **files: str) -> bytes:
    """A bundle whose application answers with a label, the property COLOR and the Host it was asked by; and at /facts
    with what its commands have written.

    files: more of them, by their paths.
    """
    everything = {"server.py": f"LABEL = {label!r}\n{SERVER}", "Procfile": "web: python3 server.py\n"} | files
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in everything.items():
            archive.writestr(name, content)
    return buffer.getvalue()


BUNDLES = {
    "one": bundle("one"),
    "two": bundle("two"),
    "facts": bundle("facts", **{".ebextensions/facts.config": FACTS, ".platform/hooks/predeploy/01.sh": HOOK}),
    "fails": bundle("fails", **{".ebextensions/fails.config": FAILS}),
    "broken": bundle("broken", **{".ebextensions/broken.config": BROKEN}),
}
"""The versions' labels, and their bundles. `facts` tells of the instance; `fails` and `broken` cannot be deployed."""
