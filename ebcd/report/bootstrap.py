"""`bootstrap` for people: what the stack made, and where it goes. Pure."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.markup import escape

from ebcd.report.envelope import Json
from ebcd.report.parts import command

VARIABLES = {"DeployRole": "EBCD_DEPLOY_ROLE_ARN", "RollbackRole": "EBCD_ROLLBACK_ROLE_ARN"}
"""Which of GitHub's variables an output goes into."""
OPTIONS = {
    "InstanceProfile": ("aws:autoscaling:launchconfiguration", "IamInstanceProfile"),
    "ServiceRole": ("aws:elasticbeanstalk:environment", "ServiceRole"),
}
"""Which of a stage's options an output goes into."""


def text(result: Json) -> RenderableType:
    """The stack, what to put into ebcd.toml and into GitHub, and the next command."""
    stack, outputs = result["stack"], result["outputs"]
    change = {"created": "was created", "updated": "was updated"}.get(stack["change"], "is as it should be")
    lines = [f"[green]✔[/] The stack [bold]{escape(stack['name'])}[/] {change}.", "", "In ebcd.toml:"]
    for output, (namespace, option) in OPTIONS.items():
        if output in outputs:
            lines.append(escape(f'  [stages.{result["stage"]}.options."{namespace}"]'))
            lines.append(escape(f'  {option} = "{outputs[output]}"'))
    if found := {name: outputs[output] for output, name in VARIABLES.items() if output in outputs}:
        lines += ["", "In the repository, as variables of Actions (ship.yml and rollback.yml read them):"]
        lines += [f"  gh variable set {name} --body {value}" for name, value in found.items()]
        lines.append(f"  gh variable set AWS_REGION --body {result['region']}")
    return Group(*lines, "", f"  [cyan]→[/] {escape(command(result, 'doctor'))}")
