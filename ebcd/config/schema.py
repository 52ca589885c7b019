"""Every key of ebcd.toml: its name, what its value must be, and what it is for. A new key is one line here."""

from __future__ import annotations

from dataclasses import dataclass

from ebcd.config import tables, values
from ebcd.config.values import Parser
from ebcd.model import OnFailure, Requirements, Strategy, Target, Tier


@dataclass(frozen=True, slots=True)
class Key:
    """One key."""

    name: str
    parse: Parser
    doc: str


TOP = (
    Key("application", values.application, "the Beanstalk application"),
    Key("region", values.text, "the AWS region"),
    Key("default_stage", values.text, "the stage where none is named"),
    Key("bundle", values.table, "what goes into a source bundle"),
    Key("check", values.table, "what ebcd check finds"),
    Key("stages", values.table, "the stages, by name"),
)

BUNDLE = (
    Key("exclude", values.texts, "patterns in gitignore syntax, beside .ebignore"),
    Key("max_size", values.size, "a larger bundle is refused"),
    Key("root", values.text, "the folder that is the bundle, as seen from ebcd.toml"),
    Key("requirements", values.one_of(Requirements), "how requirements.txt goes into the bundle"),
    Key("submodules", values.word("refuse", "include"), "what becomes of git submodules"),
)

CHECK = (Key("allow", tables.allowances, "findings that are let through: rule, path and reason"),)

STAGE = (
    Key("target", values.one_of(Target), "aws, or local: the local Beanstalk"),
    Key("cname", values.cname, "the live CNAME's prefix"),
    Key("url", values.url, "where users reach live, where not by HTTP at the live CNAME"),
    Key("platform", values.text, "a platform branch, or a platform ARN"),
    Key("strategy", values.one_of(Strategy), "how a release reaches its users"),
    Key("tier", values.one_of(Tier), "web, or worker: reads a queue and has no CNAME"),
    Key("settings", values.texts, "saved configuration files, as eb writes them"),
    Key("accept", values.health, "accepted health"),
    Key("stable", values.duration, "how long accepted health must hold before the swap"),
    Key("timeout", values.positive_duration, "how long one wait for an environment may take"),
    Key("keep", values.duration, "how long the earlier environment stays after a swap"),
    Key("bake", values.duration, "how long the release is watched after the swap"),
    Key("on_failure", values.one_of(OnFailure), "keep or terminate a failed candidate"),
    Key("options", values.options, "option settings, by namespace"),
    Key("env", tables.environment_properties, "environment properties"),
    Key("smoke", tables.smoke, "the request that a healthy release answers"),
    Key("proof", tables.proof, "where the release names itself"),
    Key("database", values.database, "a PostgreSQL beside a local stage, shared by the application's environments"),
    Key("tenants", tables.tenants, "tenants' own hosts, probed before and after the swap"),
    Key("bake_limits", tables.bake_limits, "what a bake does not tolerate"),
    Key("notify", tables.notify, "who is told how a run ended"),
)


def parsers(keys: tuple[Key, ...]) -> dict[str, Parser]:
    """Names to parsers."""
    return {key.name: key.parse for key in keys}
