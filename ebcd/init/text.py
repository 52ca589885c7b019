"""What was found → the text of ebcd.toml. Pure.

Nothing writes TOML with comments that stand in a column, so this does: a text of its own, and values that are quoted.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from ebcd.init import names
from ebcd.init.words import Found, Property

COLUMN = 34
"""Where comments begin, unless the line is longer."""
REGION = "eu-central-1"
"""The region of examples."""


def text(found: Found) -> str:
    """ebcd.toml, with a few comments for whoever reads it first."""
    blocks = [_top(found), _bundle(found), _local(found) if found.local else (), _aws(found)]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def quoted(value: str) -> str:
    """A basic string of TOML. JSON's is one, but for the last control character."""
    written = value.encode(errors="replace").decode()  # a variable may hold bytes that are no text
    return json.dumps(written, ensure_ascii=False).replace("\x7f", "\\u007f")


def _top(found: Found) -> tuple[str, ...]:
    region = f"region = {quoted(found.region.value)}" if found.region else f"# region = {quoted(REGION)}"
    default = names.LOCAL if found.local else found.stage
    return (
        "# How ebcd brings this repository to AWS Elastic Beanstalk. `ebcd check` reads it, `ebcd ship` acts on it.",
        "",
        _line(
            f"application = {quoted(found.application.value)}", "the Beanstalk application; created where it is missing"
        ),
        _line(region, "the AWS region" if found.region else "the AWS region; without it: AWS_REGION, or --region"),
        _line(f"default_stage = {quoted(default)}", "where `ebcd ship` goes when no --stage is named"),
    )


def _bundle(found: Found) -> tuple[str, ...]:
    lines = []
    if found.lock:
        lines.append(_line('requirements = "lock"', "requirements.txt is made of the lock, in each bundle"))
    if found.submodules:
        lines.append(_line('submodules = "include"', "as eb has it"))
    return ("[bundle]", *lines) if lines else ()


def _local(found: Found) -> tuple[str, ...]:
    database = "" if found.database else "# "
    return (
        _line("[stages.local]", "a Beanstalk on this machine: no account needed"),
        'target = "local"',
        _line(f"cname = {quoted(found.local_cname)}", "the live CNAME's prefix"),
        _line(f"{database}database = true", "a PostgreSQL beside it, in DATABASE_URL"),
        *_env("local", found.env),
        "[stages.local.smoke]",
        _line(f"path = {quoted(found.smoke.value)}", "must answer 200 before and after the swap"),
        *_proof("local", found.proof),
        *_check("local", found),
    )


def _aws(found: Found) -> tuple[str, ...]:
    stage = found.stage if _is_bare(found.stage) else quoted(found.stage)
    return (
        _line(f"[stages.{stage}]", f"ebcd ship --stage {found.stage}"),
        "# An environment of this application that holds the CNAME is live already: the first release is made beside",
        "# it, and the CNAME is swapped. Where none holds it, the first release takes it.",
        _line(f"cname = {quoted(found.cname.value)}", "the live CNAME's prefix, free in the region or yours"),
        _line('# url = "https://www.example.com"', "where users reach live, where not by HTTP at that CNAME"),
        _line(f"platform = {quoted(found.platform.value)}", "a branch: its newest version; an ARN: that one"),
        _line('bake = "10m"', "how long a release is watched after the swap; what goes wrong swaps back"),
        _line('keep = "2h"', "how long the way back stays warm"),
        f"[stages.{stage}.smoke]",
        f"path = {quoted(found.smoke.value)}",
        *(_proof(stage, found.proof) or _unproven(stage)),
        *_check(stage, found),
        *_options(stage, found),
        *_aws_env(stage, found),
    )


def _env(stage: str, found: Sequence[Property]) -> tuple[str, ...]:
    lines = [_line(f"{item.name} = {quoted(item.value)}", item.why) for item in found]
    return (f"[stages.{stage}.env]", *lines) if lines else ()


def _proof(stage: str, path: str) -> tuple[str, ...]:
    return (
        (f"[stages.{stage}.proof]", _line(f"path = {quoted(path)}", "the release names its SHA here")) if path else ()
    )


def _unproven(stage: str) -> tuple[str, ...]:
    return (
        f"# [stages.{stage}.proof]",
        _line('# path = "/version"', "answer with the file .ebcd/manifest.json of the bundle: it has the SHA"),
    )


def _check(stage: str, found: Found) -> tuple[str, ...]:
    if not found.health_check:
        return ()
    space = f'[stages.{stage}.options."aws:elasticbeanstalk:environment:process:default"]'
    return (space, _line(f"HealthCheckPath = {quoted(found.smoke.value)}", "what the load balancer asks for"))


def _options(stage: str, found: Found) -> tuple[str, ...]:
    spaces: dict[str, list[str]] = {}
    for item in found.settings:
        spaces.setdefault(item.namespace, []).append(_line(f"{item.name} = {quoted(item.value)}", item.source))
    known = [line for space, lines in spaces.items() for line in (f"[stages.{stage}.options.{quoted(space)}]", *lines)]
    return (
        *known,
        f'# [stages.{stage}.options."aws:autoscaling:asg"]',
        _line("# MinSize = 2", "any option setting, by its namespace"),
    )


def _aws_env(stage: str, found: Found) -> tuple[str, ...]:
    """Environment properties; those that nobody but the user knows as comments."""
    given = [_line(f"{item.name} = {quoted(item.value)}", item.why) for item in found.aws_env if item.value]
    open_ = [f'# {item.name} = {{ secret = "arn:aws:secretsmanager:…" }}' for item in found.aws_env if not item.value]
    example = [_line('# APP_MODE = "production"', 'an environment property; a secret: { secret = "ARN" }')]
    head = f"[stages.{stage}.env]" if given else f"# [stages.{stage}.env]"
    return (head, *given, *(open_ or example))


def _line(content: str, comment: str) -> str:
    return f"{content:<{COLUMN - 2}}  # {_printable(comment)}"


def _is_bare(name: str) -> bool:
    return name.isascii() and name.replace("-", "").replace("_", "").isalnum()


def _printable(value: str) -> str:
    return "".join(mark for mark in value if mark.isprintable())
