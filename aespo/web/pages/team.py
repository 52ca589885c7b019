"""Who is in the workspace, what programs may do in it, what was done, and the mail that it sent."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from aespo import inputs
from aespo.db.queries import people, usage
from aespo.problems import Invalid, NotFound
from aespo.web.context import absolute, context
from aespo.web.pages.forms import Page, to
from aespo.web.visit import visit

blueprint = Blueprint("team", __name__)
ROLES = {"owner": "Owner", "member": "Member", "reader": "Reader"}


@blueprint.get("/team")
def team() -> str:
    """Members and invitations."""
    return _team({}, {}, "")


def _team(values: object, problems: dict[str, str], link: str) -> str:
    tx = visit().tx
    return render_template("workspace/team.html", members=people.all_members(tx), invites=people.all_invites(tx),
                           roles=ROLES, values=values, problems=problems, link=link)  # fmt: skip


@blueprint.post("/team/invites")
def invite() -> Page:
    """Ask somebody in: by mail, and by a link that is shown once."""
    here = visit()
    tx = here.writes(owner=True)
    try:
        told = inputs.read(inputs.Invite, request.form)
        token = people.invite(tx, told.email, told.role)
    except Invalid as error:
        return _team(request.form, error.fields, ""), 422
    link = absolute(f"/join?token={token}")
    body = f"{here.who.name} asks you to join {here.workspace.name}:\n{link}\n\nThe link is good for seven days.\n"
    here.mail(told.email, f"Join {here.workspace.name} on Aespo", body)
    return _team({}, {}, link)


@blueprint.post("/team/invites/<invite_id>/withdraw")
def withdraw(invite_id: str) -> Page:
    """Take an invitation back."""
    people.withdraw(visit().writes(owner=True, always=True), invite_id)
    return to("/team")


@blueprint.post("/team/<member_id>/role")
def set_role(member_id: str) -> Page:
    """Give a member another role."""
    role = request.form.get("role", "")
    if role not in ROLES:
        raise Invalid({"role": "Choose one of the values offered."})
    people.set_role(visit().writes(owner=True), member_id, role)
    return to("/team")


@blueprint.post("/team/<member_id>/remove")
def remove(member_id: str) -> Page:
    """Remove a member."""
    people.remove(visit().writes(owner=True, always=True), member_id)
    return to("/team")


@blueprint.get("/tokens")
def tokens() -> str:
    """API tokens."""
    return _tokens({}, {}, "")


def _tokens(values: object, problems: dict[str, str], made: str) -> str:
    rows = people.all_tokens(visit().tx)
    return render_template("workspace/tokens.html", tokens=rows, values=values, problems=problems, made=made)


@blueprint.post("/tokens")
def make_token() -> Page:
    """Make an API token, which is shown once."""
    tx = visit().writes(owner=True)
    try:
        told = inputs.read(inputs.Token, request.form)
    except Invalid as error:
        return _tokens(request.form, error.fields, ""), 422
    return _tokens({}, {}, people.make_token(tx, told.name, told.scope))


@blueprint.post("/tokens/<token_id>/revoke")
def revoke_token(token_id: str) -> Page:
    """End an API token."""
    people.revoke_token(visit().writes(owner=True, always=True), token_id)
    return to("/tokens")


@blueprint.get("/activity")
def activity() -> str:
    """The audit trail."""
    return render_template("workspace/activity.html", page=usage.trail(visit().tx, request.args.get("after", "")))


@blueprint.get("/outbox")
def outbox() -> str:
    """The mail that would have been sent, where there is no mail server."""
    if context().settings.mail_from or not visit().who.owns:
        raise NotFound
    return render_template("workspace/outbox.html", mails=usage.outbox(visit().tx))
