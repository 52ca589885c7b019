"""Settings that are kept elsewhere. A property whose value names a secret is replaced by the secret when the process
starts: `arn:aws:secretsmanager:…`, `arn:aws:ssm:…:parameter/…`, or locally `file:/run/secrets/name`.

Beanstalk does the same for properties given as environment secrets; this is for processes that it does not start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

_FILE = "file:"
SERVING = ("DATABASE_URL", "AESPO_OPERATOR_TOKEN", "AESPO_SAMPLE_TOKEN")
"""What a process that serves needs. The owner's secret is none of it: it need not even be allowed to read it."""
MIGRATING = ("DATABASE_URL", "DATABASE_OWNER_URL")


def resolve(
    environ: Mapping[str, str], names: Iterable[str], client: Callable[[str, str], Any] | None = None
) -> dict[str, str]:
    """The properties, those of these names with their secrets.

    client: makes a client of a service in a region; boto3's by default.
    Raises ValueError that names the property, never the secret.
    """
    found = dict(environ)
    for name in names:
        value = found.get(name, "")
        if value.startswith((_FILE, "arn:aws")):
            try:
                found[name] = _read(value, client or _boto3)
            except Exception as error:
                raise ValueError(f"{name}: its secret cannot be read: {type(error).__name__}") from error
    return found


def _read(reference: str, client: Callable[[str, str], Any]) -> str:
    if reference.startswith(_FILE):
        return Path(reference.removeprefix(_FILE)).read_text(encoding="utf-8").strip()
    _, _, service, region, _, _ = reference.split(":", 5)
    if service == "secretsmanager":
        return str(client(service, region).get_secret_value(SecretId=reference)["SecretString"])
    if service == "ssm":
        return str(client(service, region).get_parameter(Name=reference, WithDecryption=True)["Parameter"]["Value"])
    raise ValueError(f"no secrets are kept in {service}")


def _boto3(service: str, region: str) -> Any:
    import boto3

    return boto3.client(service, region_name=region)
