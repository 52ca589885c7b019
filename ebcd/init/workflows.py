"""The workflows with which GitHub ships, patches and rolls back. Pure."""

from __future__ import annotations

from ebcd.init.words import NewFile

FOLDER = ".github/workflows"
UNKNOWN = "OWNER/ebcd@SHA"
"""Stands where nothing tells from where ebcd came."""
_CHECKOUT = "actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0"
_CREDENTIALS = "aws-actions/configure-aws-credentials@00943011d9042930efac3dcd3a170e4273319bc8 # v5.1.0"
_JOB = """\
permissions: {{}}

jobs:
  {name}:
    if: vars.{role} != ''
    runs-on: ubuntu-24.04
    timeout-minutes: 55  # less than the hour that the role's credentials last
    permissions:
      contents: read
      id-token: write  # to ask for the role
    environment:
      name: {stage}
      url: ${{{{ steps.ebcd.outputs.live-url }}}}
    steps:
      - uses: {checkout}
        with:
          fetch-depth: 0
          persist-credentials: false
      - uses: {action}
        with:
          command: install
      - uses: {credentials}
        with:
          role-to-assume: ${{{{ vars.{role} }}}}
          aws-region: {region}
      - id: ebcd
        uses: {action}
        with:
          command: {name}
          stage: {stage}
          wait-lock: 10m{folder}{more}
"""
_SHIP = """\
# Every commit on {branch} goes to {stage}. Set up once: the role that the variable EBCD_DEPLOY_ROLE_ARN names;
# `ebcd bootstrap --repository OWNER/NAME --environment {stage}` makes it. Without it nothing is shipped.
# To stop a release, do not cancel its job: ebcd abort -s {stage}
name: ship
on:
  push:
    branches: [{branch}]
  workflow_dispatch:
# A newer commit replaces the one that waits. One that is on its way is never cancelled.
concurrency: {{group: ship-{stage}, cancel-in-progress: false}}
"""
_PATCH = """\
# Once a week: what is live again on the newest platform version, through all gates.
name: patch
on:
  schedule:
    - cron: "23 9 * * 2"  # Tuesday, 09:23 UTC: somebody is there
  workflow_dispatch:
concurrency: {{group: ship-{stage}, cancel-in-progress: false}}
"""
_ROLLBACK = """\
# Back to the release before, in seconds. Set up once: the repository variable EBCD_ROLLBACK_ROLE_ARN, as in ship.yml.
name: rollback
on:
  workflow_dispatch:
    inputs:
      reason: {{description: Why, type: string, required: true}}
# A group of its own: in ship's, a rollback would wait for a release. The stage's lock keeps the two apart.
concurrency: {{group: rollback-{stage}, cancel-in-progress: false}}
"""


def workflows(stage: str, region: str, branch: str, action: str, below: str) -> list[NewFile]:
    """The three files. below: the folder of ebcd.toml in its repository; empty at the top."""
    told = {
        "stage": stage,
        "branch": branch or "main",
        "region": region or "${{ vars.AWS_REGION }}",
        "action": action or UNKNOWN,
        "checkout": _CHECKOUT,
        "credentials": _CREDENTIALS,
        "folder": f"\n          working-directory: {below}" if below else "",
    }
    deploy, back = "EBCD_DEPLOY_ROLE_ARN", "EBCD_ROLLBACK_ROLE_ARN"
    reason = "\n          message: ${{ inputs.reason }}"
    parts = (
        ("ship", _SHIP, deploy, "\n          message: ${{ github.event.head_commit.message }}"),
        ("patch", _PATCH, deploy, ""),
        ("rollback", _ROLLBACK, back, reason),
    )
    return [
        NewFile(
            f"{FOLDER}/{name}.yml",
            head.format(**told) + _JOB.format(name=name, role=role, more=more, **told),
            f"GitHub: {name}",
        )
        for name, head, role, more in parts
    ]
