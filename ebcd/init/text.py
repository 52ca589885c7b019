"""What was found → the text of ebcd.toml. Pure.

Nothing writes TOML with comments that stand in a column, so this does: a text of its own, and values that are quoted.
"""

from __future__ import annotations

import json

from ebcd.init.words import Found

COLUMN = 34
"""Where comments begin, unless the line is longer."""
REGION = "eu-central-1"
"""The region of examples."""


def text(found: Found) -> str:
    """ebcd.toml, with a few comments for whoever reads it first."""
    local = (*_local(found), "") if found.local else ()
    return "\n".join((*_top(found), "", *local, *_aws(found), ""))


def quoted(value: str) -> str:
    """A basic string of TOML. JSON's is one, but for the last control character."""
    written = value.encode(errors="replace").decode()  # a variable may hold bytes that are no text
    return json.dumps(written, ensure_ascii=False).replace("\x7f", "\\u007f")


def _top(found: Found) -> tuple[str, ...]:
    region = f"region = {quoted(found.region.value)}" if found.region else f"# region = {quoted(REGION)}"
    return (
        "# How ebcd brings this repository to AWS Elastic Beanstalk. `ebcd check` reads it, `ebcd ship` acts on it.",
        "",
        _line(
            f"application = {quoted(found.application.value)}", "the Beanstalk application; created where it is missing"
        ),
        _line(region, "the AWS region" if found.region else "the AWS region; without it: AWS_REGION, or --region"),
        _line(
            f"default_stage = {quoted('local' if found.local else found.stage)}",
            "where `ebcd ship` goes when no --stage is named",
        ),
    )


def _local(found: Found) -> tuple[str, ...]:
    return (
        _line("[stages.local]", "a Beanstalk on this machine: no account needed"),
        'target = "local"',
        _line(f"cname = {quoted(found.local_cname)}", "the live CNAME's prefix"),
        _line("# database = true", "a PostgreSQL beside it: DATABASE_URL and DATABASE_OWNER_URL are set"),
        "[stages.local.smoke]",
        _line(f"path = {quoted(found.smoke.value)}", "must answer 200 before and after the swap"),
    )


def _aws(found: Found) -> tuple[str, ...]:
    stage = f"stages.{quoted(found.stage) if not _is_bare(found.stage) else found.stage}"
    return (
        _line(f"[{stage}]", f"ebcd ship --stage {found.stage}"),
        "# An environment of this application that holds the CNAME is live already: the first release is made beside",
        "# it, and the CNAME is swapped. Where none holds it, the first release takes it.",
        _line(f"cname = {quoted(found.cname.value)}", "the live CNAME's prefix, free in the region or yours"),
        _line('# url = "https://www.example.com"', "where users reach live, where not by HTTP at that CNAME"),
        _line(f"platform = {quoted(found.platform.value)}", "a branch: its newest version; an ARN: that one"),
        _line('bake = "10m"', "how long a release is watched after the swap; what goes wrong swaps back"),
        _line('keep = "2h"', "how long the way back stays warm"),
        f"[{stage}.smoke]",
        f"path = {quoted(found.smoke.value)}",
        f'# [{stage}.options."aws:autoscaling:asg"]',
        _line("# MinSize = 2", "any option setting, by its namespace"),
        f"# [{stage}.env]",
        _line('# APP_MODE = "production"', 'an environment property; a secret: { secret = "ARN" }'),
    )


def _line(content: str, comment: str) -> str:
    return f"{content:<{COLUMN - 2}}  # {_printable(comment)}"


def _is_bare(name: str) -> bool:
    return name.isascii() and name.replace("-", "").replace("_", "").isalnum()


def _printable(value: str) -> str:
    return "".join(mark for mark in value if mark.isprintable())
