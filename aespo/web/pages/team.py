"""Who is in the workspace, what programs may do in it, what was done, and the mail that it sent."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from aespo import inputs, letters
from aespo.db.queries import people, site, usage
from aespo.problems import Invalid, NotFound, TooManyRequests
from aespo.web.context import context, mailed, mailed_host
from aespo.web.pages.forms import Page, to
from aespo.web.request_context import request_context

blueprint = Blueprint("team", __name__)
_INVITATIONS, _DAY = 3, 86_400
"""Invitations that one address is mailed, by all workspaces, in so many seconds."""
ROLES = {"owner": "Owner", "member": "Member", "reader": "Reader"}


@blueprint.get("/team")
def team() -> str:
    """Members and invitations."""
    return _team({}, {}, "")


def _team(values: object, problems: dict[str, str], link: str, unsent: str = "") -> str:
    tx = request_context().tx
    told = {"values": values, "problems": problems, "link": link, "unsent": unsent, "roles": ROLES}
    return render_template(
        "workspace/team.html", members=people.all_members(tx), invites=people.all_invites(tx), **told
    )


@blueprint.post("/team/invites")
def invite() -> Page:
    """Ask somebody in: by mail, and by a link that is shown once."""
    here = request_context()
    tx = here.writes(owner=True)
    try:
        told = inputs.read(inputs.Invite, request.form)
        token = people.invite(tx, told.email, told.role)
    except Invalid as error:
        return _team(request.form, error.fields, ""), 422
    link = mailed(f"/join?token={token}")
    unsent = _unsent(told.email)
    if not unsent:
        here.mail(told.email, letters.invitation(here.who.name, here.workspace.name, mailed_host(), link))
    return _team({}, {}, link, unsent)


def _unsent(recipient: str) -> str:
    """Why no mail is sent to somebody who is invited; empty: one is. The link can be sent by hand in any case.

    Without a mail server the mail stays on the outbox page: there is nobody to be spared.
    """
    here = request_context()
    if not context().settings.mail_from:
        return ""
    if not here.who.confirmed:
        return "You have not confirmed your own e-mail address yet."
    limits = (
        (f"invitations {here.tx.tenant_id}", here.workspace.plan.members * 2, "This workspace has sent many today."),
        (f"invited {recipient.lower()}", _INVITATIONS, "This address has got several invitations today."),
    )
    for what, limit, why in limits:
        try:
            site.count_attempt(here.tx.connection, what, limit, _DAY)
        except TooManyRequests:
            return why
    return ""


@blueprint.post("/team/invites/<invite_id>/withdraw")
def withdraw(invite_id: str) -> Page:
    """Take an invitation back."""
    people.withdraw(request_context().writes(owner=True, always=True), invite_id)
    return to("/team")


@blueprint.post("/team/<member_id>/role")
def set_role(member_id: str) -> Page:
    """Give a member another role."""
    role = request.form.get("role", "")
    if role not in ROLES:
        raise Invalid({"role": "Choose one of the values offered."})
    people.set_role(request_context().writes(owner=True), member_id, role)
    return to("/team")


@blueprint.post("/team/<member_id>/remove")
def remove(member_id: str) -> Page:
    """Remove a member."""
    people.remove(request_context().writes(owner=True, always=True), member_id)
    return to("/team")


@blueprint.get("/tokens")
def tokens() -> str:
    """API tokens."""
    return _tokens({}, {}, "")


def _tokens(values: object, problems: dict[str, str], made: str) -> str:
    rows = people.all_tokens(request_context().tx)
    return render_template("workspace/tokens.html", tokens=rows, values=values, problems=problems, made=made)


@blueprint.post("/tokens")
def make_token() -> Page:
    """Make an API token, which is shown once."""
    tx = request_context().writes(owner=True)
    try:
        told = inputs.read(inputs.Token, request.form)
    except Invalid as error:
        return _tokens(request.form, error.fields, ""), 422
    return _tokens({}, {}, people.make_token(tx, told.name, told.scope))


@blueprint.post("/tokens/<token_id>/revoke")
def revoke_token(token_id: str) -> Page:
    """End an API token."""
    people.revoke_token(request_context().writes(owner=True, always=True), token_id)
    return to("/tokens")


@blueprint.get("/activity")
def activity() -> str:
    """The audit trail."""
    return render_template(
        "workspace/activity.html", page=usage.trail(request_context().tx, request.args.get("after", ""))
    )


@blueprint.get("/outbox")
def outbox() -> str:
    """The mail that would have been sent, where there is no mail server."""
    if context().settings.mail_from or not request_context().who.owns:
        raise NotFound
    return render_template("workspace/outbox.html", mails=usage.outbox(request_context().tx))
