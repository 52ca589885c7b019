"""What another user of the machine can do to a local Beanstalk: a program of its own, which root starts.

It imports what it needs, becomes nobody (unless it is to stay root, to see that there is something to be found), and
tries. stdin: JSON of what is there; stdout: JSON of what it could do, by kind.
"""

from __future__ import annotations

import base64
import json
import os
import pwd
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import psycopg
import urllib3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

REGION = "eu-central-1"
READS = {
    "elasticbeanstalk": "describe_environments",
    "s3": "list_buckets",
    "sts": "get_caller_identity",
    "ec2": "describe_instances",
    "iam": "list_users",
    "cloudformation": "describe_stacks",
    "ssm": "describe_parameters",
    "secretsmanager": "list_secrets",
    "sqs": "list_queues",
    "logs": "describe_log_groups",
    "cloudwatch": "list_metrics",
    "dynamodb": "list_tables",
    "kms": "list_keys",
}
KEYS = (
    ("ANY", "any", None),
    ("LOCALBEANSTALK", "local-beanstalk", None),
    ("LOCALBEANSTALK", "any", "token"),
    ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY", None),
    ("web-identity", "none", None),
)
HEADER = {"alg": "RS256", "typ": "JWT"}
PASSWORDS = ("", "postgres", "password", "local-beanstalk")


def become_nobody() -> None:
    nobody = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)


def clients(there: dict[str, Any]) -> Iterator[str]:
    """SDK calls with keys that somebody could guess."""
    once = Config(retries={"total_max_attempts": 1})
    for key_id, secret, token in KEYS:
        for service, call in READS.items():
            client = boto3.client(
                service,
                REGION,
                endpoint_url=there["endpoint_url"],
                config=once,
                aws_access_key_id=key_id,
                aws_secret_access_key=secret,
                aws_session_token=token,
            )
            with suppress(ClientError, BotoCoreError):
                getattr(client, call)()
                yield f"{service}:{call} as {key_id}"


def raw(there: dict[str, Any]) -> Iterator[str]:
    """Every operation without a signature, and with words that look like one."""
    scope = f"{there['day']}/{REGION}/elasticbeanstalk/aws4_request"
    signed = f"AWS4-HMAC-SHA256 Credential=LOCALBEANSTALK/{scope}, SignedHeaders=host, Signature="
    headers: tuple[dict[str, str], ...] = (
        {},
        {"Authorization": f"AWS4-HMAC-SHA256 Credential=LOCALBEANSTALK/{scope}"},
        {"Authorization": signed + "0" * 64, "X-Amz-Date": f"{there['day']}T000000Z"},
        {"Authorization": signed + "none"},
    )
    for operation in there["operations"]:
        for given in headers:
            body = f"Action={operation}&Version=2010-12-01"
            answer = urllib3.request("POST", there["endpoint_url"], body=body, headers=given, retries=False)
            if answer.status < 400:
                yield f"{operation} {given}"


def objects(there: dict[str, Any]) -> Iterator[str]:
    """S3's objects by URL, plainly and with a signature of nobody's."""
    scope = f"X-Amz-Credential=LOCALBEANSTALK/{there['day']}/{REGION}/s3/aws4_request"
    query = f"X-Amz-Algorithm=AWS4-HMAC-SHA256&{scope}&X-Amz-Date={there['day']}T000000Z&X-Amz-Expires=604800"
    forged = f"?{query}&X-Amz-SignedHeaders=host&X-Amz-Signature={'0' * 64}"
    for path in (f"/{there['bucket']}", f"/{there['bucket']}/{there['key']}"):
        for ending in ("", forged):
            for method in ("GET", "HEAD", "PUT", "DELETE"):
                answer = urllib3.request(method, there["endpoint_url"] + path + ending, retries=False)
                if answer.status < 400:
                    yield f"{method} {path}{ending}"


def control(there: dict[str, Any]) -> Iterator[str]:
    """The control calls without the token, and with the right one, however it came out; what is moto's; the page."""
    for headers in ({}, {"X-Ebcd-Token": "x"}, {"X-Ebcd-Token": there["token"]}):
        for call in ("status", "calls?after=0", "faults", "platforms"):
            url = f"{there['endpoint_url']}/_ebcd/{call}"
            if urllib3.request("GET", url, headers=headers, retries=False).status == 200:
                yield f"{call} {list(headers)}"
    for url in (f"{there['endpoint_url']}/moto-api/data.json", f"{there['proxy_url']}/_page/state"):
        if urllib3.request("GET", url, retries=False).status == 200:
            yield url


def roles(there: dict[str, Any]) -> Iterator[str]:
    """A role's session, for which nobody has to sign."""
    sts = boto3.client("sts", REGION, endpoint_url=there["endpoint_url"], config=Config(signature_version=UNSIGNED))
    claims = {"iss": "https://evil.example", "sub": "x", "aud": "x", "exp": time.time() + 600}
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (HEADER, claims)]
    with suppress(ClientError, BotoCoreError):
        sts.assume_role_with_web_identity(
            RoleArn="arn:aws:iam::123456789012:role/any",
            RoleSessionName="x",
            WebIdentityToken=".".join([*parts, "signature"]),
        )
        yield "sts:AssumeRoleWithWebIdentity"


def files(there: dict[str, Any]) -> Iterator[str]:
    """What of the state can be read, listed or written."""
    for name in there["files"]:
        path = Path(name)
        with suppress(OSError):
            _ = sorted(path.iterdir()) if path.is_dir() else path.read_bytes()
            yield name
        with suppress(OSError):
            (path / "planted").touch()
            (path / "planted").unlink()
            yield f"{name} (written)"


def processes(there: dict[str, Any]) -> Iterator[str]:
    """Secrets in what processes show, what they have open, and whether they can be ended."""
    for pid in there["pids"]:
        for name in ("environ", "cmdline"):
            with suppress(OSError):
                found = Path(f"/proc/{pid}/{name}").read_bytes()
                yield from (f"{pid} {name}" for secret in there["secrets"] if secret.encode() in found)
        with suppress(OSError), Path(f"/proc/{pid}/mem").open("rb"):
            yield f"{pid} mem"
        with suppress(OSError):
            yield f"{pid} fd {sorted(map(str, Path(f'/proc/{pid}/fd').iterdir()))}"
        with suppress(OSError):
            yield f"{pid} cwd {Path(f'/proc/{pid}/cwd').readlink()}"
        with suppress(OSError):
            os.kill(pid, 0)
            yield f"{pid} kill"


def database(there: dict[str, Any]) -> Iterator[str]:
    """Connections to PostgreSQL without its passwords."""
    for user in ("postgres", *there["roles"]):
        for name in ("postgres", *there["databases"]):
            for password in PASSWORDS:
                place = {"host": "127.0.0.1", "port": there["database_port"], "user": user, "dbname": name}
                with suppress(psycopg.Error):
                    psycopg.connect(**place, password=password or None, connect_timeout=5).close()
                    yield f"{user} of {name}"


KINDS = {kind.__name__: kind for kind in (clients, raw, objects, control, roles, files, processes, database)}


def main() -> None:
    there = json.load(sys.stdin)
    boto3.client("s3", REGION)  # what it loads may lie where nobody may go
    if there["nobody"]:
        become_nobody()
    found = {name: list(KINDS[name](there)) for name in there["kinds"]}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
