"""`bootstrap`: the CloudFormation stack with the roles that ebcd needs on an account."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ebcd.cli.options import Common, shared
from ebcd.cli.output import tell
from ebcd.cli.signals import interruptible
from ebcd.errors import Refused, UsageError
from ebcd.report.envelope import envelope, head_of

if TYPE_CHECKING:
    from ebcd.bootstrap import Brought
    from ebcd.cli.session import Session
    from ebcd.model import Configuration, Stage
    from ebcd.permissions.template import Json, Wanted

_REPOSITORY = re.compile(r"[\w.-]+(@\d+)?/[\w.-]+(@\d+)?", re.ASCII)
_PROVIDER = re.compile(r"arn:aws[\w-]*:iam::\d{12}:oidc-provider/token\.actions\.githubusercontent\.com", re.ASCII)


@shared
def bootstrap(
    common: Common,
    print_: Annotated[bool, typer.Option("--print", help="Write the template, and ask AWS for nothing.")] = False,
    repository: Annotated[
        str, typer.Option(metavar="OWNER/NAME", help="The GitHub repository whose jobs may assume the roles.")
    ] = "",
    no_github: Annotated[bool, typer.Option("--no-github", help="No roles for GitHub.")] = False,
    environment: Annotated[
        list[str] | None,
        typer.Option(help="A GitHub environment whose jobs may; by default those of the stages on AWS."),
    ] = None,
    branch: Annotated[list[str] | None, typer.Option(help="A branch whose jobs may.")] = None,
    oidc_provider: Annotated[
        str, typer.Option(metavar="ARN", help="The account's provider for GitHub, where it has one already.")
    ] = "",
) -> None:
    """Make the roles that ebcd needs on an account, as a CloudFormation stack."""
    from ebcd.aws.models import OPERATIONS
    from ebcd.cli.source import load
    from ebcd.permissions.template import Wanted, template

    _check(repository, no_github=no_github, oidc_provider=oidc_provider, profile=common.profile or "")
    configuration = load(common)
    stages = _stages(common, configuration)
    on_aws = (common.stage,) if common.stage else tuple(item.name for item in stages)
    wanted = Wanted(
        common.application or (configuration.application if configuration else ""),
        repository,
        tuple(environment or ()) or (() if branch else on_aws),
        tuple(branch or ()),
        oidc_provider,
        **_of_stages(stages, configuration),
    )
    _check_named(wanted)
    made = template(wanted, OPERATIONS)
    if print_:
        _print(common, wanted, made)
    else:
        _make(common, _session(common, stages), wanted, made)


def _make(common: Common, session: Session, wanted: Wanted, made: Json) -> None:
    """Bring the stack to what the template says, where nobody says no."""
    _confirm(common, session, wanted)
    _tell(common, session, _bring(session, wanted, made))


def _of_stages(stages: list[Stage], configuration: Configuration | None) -> dict[str, Any]:
    """What the stages' environments need of the stack, by Wanted's fields."""
    return {
        "worker": any(item.tier == "worker" for item in stages),
        "containers": any("ECS" in item.platform for item in stages),
        "secrets": _secrets(configuration),
    }


def _print(common: Common, wanted: Wanted, made: Json) -> None:
    """Write the template to stdout."""
    told = envelope("bootstrap") | {"application": wanted.application, "template": made} if common.json else made
    sys.stdout.write(json.dumps(told, indent=2) + "\n")


def _check(repository: str, *, no_github: bool, oidc_provider: str, profile: str) -> None:
    """Raises UsageError for what no role could be made of."""
    from ebcd.model import Reach

    if bool(repository) == no_github:
        raise UsageError(
            "--repository OWNER/NAME or --no-github is needed, one of the two.",
            code="no-repository",
            why="The deploy role trusts the jobs of one repository on GitHub, and nobody else.",
            hint="For example: --repository acme/shop",
        )
    if repository and not _REPOSITORY.fullmatch(repository):
        raise UsageError(
            f"{repository!r} is no repository on GitHub.",
            code="repository",
            hint="--repository acme/shop",
            why="It is OWNER/NAME, or OWNER@ID/NAME@ID where its tokens have ids.",
        )
    if oidc_provider and not _PROVIDER.fullmatch(oidc_provider):
        raise UsageError(
            f"{oidc_provider!r} is no provider for GitHub.",
            code="oidc-provider",
            why="It is arn:aws:iam::ACCOUNT:oidc-provider/token.actions.githubusercontent.com.",
            hint=Reach(profile=profile).aws("iam", "list-open-id-connect-providers"),
        )


def _stages(common: Common, configuration: Configuration | None) -> list[Stage]:
    """The stage that was named; else those of ebcd.toml that live on AWS."""
    known = configuration.stages if configuration else {}
    if common.stage:
        return [known[common.stage]] if common.stage in known else []
    return [item for item in known.values() if item.target == "aws"]


def _secrets(configuration: Configuration | None) -> tuple[str, ...]:
    """The ARNs that environment properties of all stages on AWS name: they share the instances' role."""
    stages = configuration.stages.values() if configuration else ()
    return tuple(sorted({arn for stage in stages if stage.target == "aws" for arn in stage.secrets.values()}))


def _check_named(wanted: Wanted) -> None:
    if not wanted.application:
        raise UsageError(
            "No application is named.",
            why="Neither an option nor ebcd.toml names the application.",
            hint="--application NAME",
            code="no-application",
        )
    if wanted.repository and not wanted.subjects:
        raise UsageError(
            "No job could assume the roles.",
            why="No stage of ebcd.toml lives on AWS, so that no GitHub environment is known.",
            hint="--environment production, or --branch main",
            code="no-subject",
        )
    for name in (*wanted.environments, *wanted.branches):
        if re.search(r"[*?:$\s]", name):
            raise UsageError(
                f"{name!r} names no GitHub environment or branch.",
                why="It is compared letter by letter.",
                hint="--environment production, or --branch main",
                code="subject",
            )


def _session(common: Common, stages: list[Stage]) -> Session:
    """What reaches the account: of the stage that was named, else of the first that lives on AWS."""
    from ebcd.cli.session import open_session

    if not common.stage and not stages:
        raise UsageError(
            "No stage lives on AWS.",
            why="The stack is made where a stage lives.",
            code="no-stage",
            hint="--stage NAME, or --print to see the template.",
        )
    return open_session(replace(common, stage=common.stage or stages[0].name), interruptible())


def _confirm(common: Common, session: Session, wanted: Wanted) -> None:
    """Ask on a terminal; raises Refused where nobody is there to ask, and where the answer is no."""
    if common.yes:
        return
    what = f"Roles and policies are made or changed in {session.stage.region}, as the stack {wanted.stack}."
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Refused(
            "Nothing was made: nobody could be asked.",
            why=what,
            code="unconfirmed",
            hint="Add --yes to do it, or --print to see what.",
        )
    account = session.services.storage.bucket.rpartition("-")[2]
    if not typer.confirm(f"{what} Account {account}. Go on?", err=True):
        raise Refused(
            "Nothing was made.", why="The answer was no.", code="declined", hint="Add --print to see what it would be."
        )


def _bring(session: Session, wanted: Wanted, template: Json) -> Brought:
    from ebcd.aws.stacks import Stacks
    from ebcd.bootstrap import bring
    from ebcd.release.execute.context import Status

    services, start = session.services, session.services.clock.monotonic()
    title = f"stack {wanted.stack}"
    services.progress.begin(title)
    try:
        brought = bring(
            Stacks(session.clients),
            services.clock,
            wanted,
            template,
            services.progress.note,
            session.stage.reach,
            interval=services.pace.seconds,
        )
    except BaseException as error:
        services.progress.end(title, Status.FAILED, services.clock.monotonic() - start, str(error))
        raise
    services.progress.end(title, Status.DONE, services.clock.monotonic() - start, brought.change)
    return brought


def _tell(common: Common, session: Session, brought: Brought) -> None:
    from ebcd.report import bootstrap as report

    stack = {
        "name": brought.stack.name,
        "id": brought.stack.id,
        "status": brought.stack.status,
        "change": brought.change,
    }
    told = head_of("bootstrap", session.stage) | {
        "region": session.stage.region,
        "stack": stack,
        "outputs": dict(brought.stack.outputs),
    }
    tell(common, told, report.text)
