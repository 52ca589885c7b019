"""What a stage's tables mean: `[stages.NAME.smoke]` and its like. As in `values`, each takes the key's path and TOML's
value, and raises UsageError.
"""

from __future__ import annotations

import re
from typing import Any

from ebcd.config.values import (
    ENVIRONMENT,
    SECRETS,
    Parser,
    free_text,
    integer,
    members,
    number,
    option_value,
    path,
    table,
    text,
    texts,
    wrong,
)
from ebcd.errors import UsageError
from ebcd.model import Allowance, BakeLimits, Notify, OptionSetting, Proof, SmokeTest, Tenants

PROPERTIES_LIMIT = 4096
"""Bytes that all environment properties may have together, names and values."""

_SECRET_ARN = re.compile(r"arn:aws[a-z-]*:(secretsmanager|ssm):[a-z0-9-]+:\d{12}:(secret:|parameter/).+")

_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")

_PROPERTY = re.compile(r"[A-Za-z_][A-Za-z0-9_.:/+\\@-]*")


def environment_properties(key: str, value: Any) -> tuple[OptionSetting, ...]:
    """Environment properties; `{ secret = "arn…" }` refers to Secrets Manager or SSM."""
    found = tuple(_property(f"{key}.{name}", name, setting) for name, setting in table(key, value).items())
    used = sum(len(f"{item.name}={item.value}".encode()) for item in found)
    if used > PROPERTIES_LIMIT:
        raise wrong(
            key, "…", f"They have {used} bytes; all environment properties may have {PROPERTIES_LIMIT} together."
        )
    return found


def _property(key: str, name: str, value: Any) -> OptionSetting:
    if not _PROPERTY.fullmatch(name):
        raise wrong(key, name, "An environment property's name begins with a letter or _ and holds no space or =.")
    if isinstance(value, dict):
        arn = value.get("secret")
        if set(value) != {"secret"} or not isinstance(arn, str) or not _SECRET_ARN.fullmatch(arn):
            why = "A secret is { secret = ARN }, the ARN of a Secrets Manager secret or an SSM parameter."
            raise UsageError(f"{key} cannot be used.", why=why, hint="Correct it in ebcd.toml.", code="bad-value")
        return OptionSetting(SECRETS, name, arn)
    return OptionSetting(ENVIRONMENT, name, option_value(key, value))


def smoke(key: str, value: Any) -> SmokeTest:
    """`[stages.NAME.smoke]`."""
    known: dict[str, Parser] = {
        "path": path,
        "status": integer(100, 599),
        "contains": free_text,
        "attempts": integer(1, 1000),
    }
    return SmokeTest(**members(key, value, known))


def proof(key: str, value: Any) -> Proof:
    """`[stages.NAME.proof]`."""
    found = members(key, value, {"path": path})
    if "path" not in found:
        raise wrong(f"{key}.path", None, "A proof needs the path where the release names itself.")
    return Proof(**found)


def tenants(key: str, value: Any) -> Tenants:
    """`[stages.NAME.tenants]`."""
    known: dict[str, Parser] = {
        "hosts": hosts,
        "url": path,
        "token_env": variable,
        "path": path,
        "status": integer(100, 599),
        "budget": integer(0, 1_000_000),
        "unknown": host,
    }
    found = members(key, value, known)
    if bool(found.get("hosts")) == bool(found.get("url")):
        raise wrong(f"{key}.hosts", found.get("hosts"), "A tenant gate has either hosts or a url that names them.")
    if "token_env" in found and not found.get("url"):
        raise wrong(f"{key}.token_env", found["token_env"], "The token is for the url that names the hosts.")
    return Tenants(**found)


def bake_limits(key: str, value: Any) -> BakeLimits:
    """`[stages.NAME.bake_limits]`."""
    known = {"max_5xx": number(0, 1), "p99_seconds": number(0, 3600), "p99_ratio": number(1, 1000)}
    return BakeLimits(**members(key, value, known))


def notify(key: str, value: Any) -> Notify:
    """`[stages.NAME.notify]`."""
    return Notify(**members(key, value, {"urls": _addresses}))


def allowances(key: str, value: Any) -> tuple[Allowance, ...]:
    """`[[check.allow]]`, a list of tables."""
    if not isinstance(value, list):
        raise wrong(key, value, "It must be a list of tables: [[check.allow]], and below it rule, path and reason.")
    return tuple(_allowance(f"{key}[{index}]", item) for index, item in enumerate(value))


def _allowance(key: str, value: Any) -> Allowance:
    import pathspec

    known: dict[str, Parser] = dict.fromkeys(("rule", "path", "reason"), text)
    found = members(key, value, known)
    for name in known:
        if name not in found:
            raise wrong(f"{key}.{name}", None, "What is let through has its rule, its path and a reason.")
    try:
        pathspec.GitIgnoreSpec.from_lines([found["path"]])
    except (ValueError, re.error) as error:
        raise wrong(f"{key}.path", found["path"], f"It is no pattern of gitignore: {error}.") from error
    return Allowance(**found)


def host(key: str, value: Any) -> str:
    """A host's name, without scheme, port and path."""
    found = text(key, value)
    if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?", found):
        raise wrong(key, value, "It must be a host's name alone, such as acme.example.com.")
    return found


def hosts(key: str, value: Any) -> tuple[str, ...]:
    """A list of hosts."""
    return tuple(host(f"{key}[{index}]", item) for index, item in enumerate(texts(key, value)))


def variable(key: str, value: Any) -> str:
    """The name of an environment variable. What is none may be the secret itself, so it is not told."""
    if not isinstance(value, str) or not _VARIABLE.fullmatch(value):
        raise UsageError(
            f"{key} names no environment variable.",
            code="bad-value",
            why="It must be a name such as SHOP_TOKEN; the secret itself stays out of ebcd.toml.",
            hint=f'{key.rpartition(".")[2]} = "SHOP_TOKEN", and export that variable.',
        )
    return value


def _addresses(key: str, value: Any) -> tuple[str, ...]:
    return tuple(_address(f"{key}[{index}]", item) for index, item in enumerate(texts(key, value)))


def _address(key: str, value: str) -> str:
    """A URL, or `env:NAME`. What is neither may be a secret, so it is not told."""
    kind, _, name = value.partition(":")
    if kind == "env":
        return f"env:{variable(key, name)}"
    if not Notify.is_url(value):
        raise UsageError(
            f"{key} is no URL.",
            code="bad-value",
            why="It must begin with https://, or be env:NAME for one that is a secret.",
            hint='urls = ["env:SLACK_URL"], and export that variable.',
        )
    return value
