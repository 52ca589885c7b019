"""What a start leaves for later is there when it is needed, and nothing of it reaches what the server runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from running import BUCKET, Local

PROBE = """
import json, os, sys
from ebcd_local import plain_http
plain_http.import_aiohttp()
import aiohttp.connector
known = aiohttp.connector._SSL_CONTEXT_VERIFIED.cert_store_stats()["x509"]
import ebcd_local.serve
late = [name for name in ("flask", "moto.moto_server.werkzeug_app", "moto.iam.models") if name in sys.modules]
print(json.dumps([known, late, os.environ.get("SSL_CERT_FILE")]))
"""


def probe(**environ: str) -> list[object]:
    kept = {name: value for name, value in os.environ.items() if name != "SSL_CERT_FILE"}
    done = subprocess.run(
        [sys.executable, "-c", PROBE], env=kept | environ, capture_output=True, text=True, timeout=120, check=True
    )
    found: list[object] = json.loads(done.stdout)
    return found


def test_a_start_reads_no_certificates_and_imports_no_service_and_leaves_the_variable_as_it_was() -> None:
    assert probe() == [0, [], None]
    assert probe(SSL_CERT_FILE="/etc/ssl/own.pem") == [0, [], "/etc/ssl/own.pem"]


def test_every_service_answers_the_first_call_behind_a_start(local: Local) -> None:
    local.client("elasticbeanstalk").create_storage_location()
    assert local.client("s3").list_objects_v2(Bucket=BUCKET)["KeyCount"] >= 0
    assert local.client("sts").get_caller_identity()["Account"] == "123456789012"
