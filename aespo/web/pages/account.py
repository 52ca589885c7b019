"""Coming in and going out: arriving after the sign-up, signing in, joining, a forgotten password."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from aespo import inputs
from aespo.db.queries import people, site
from aespo.problems import Invalid, NotFound
from aespo.secrecy import hash_password, password_is
from aespo.web import cookies
from aespo.web.context import absolute, client_address
from aespo.web.pages.forms import Page, again, to
from aespo.web.visit import public, visit

blueprint = Blueprint("account", __name__)
_TRIES, _WINDOW = 10, 900


@blueprint.get("/arrive")
@public
def arrive() -> Response:
    """Take the one-time token of the sign-up for a session."""
    tx = visit().tx
    member_id = people.use_once(tx, request.args.get("token", ""), "arrival")
    if member_id is None:
        return to("/login?used=1")
    return cookies.keep(to("/"), people.open_session(tx, member_id))


@blueprint.get("/login")
@public
def login_form() -> Page:
    """The form."""
    if visit().member is not None:
        return to("/")
    return render_template("workspace/login.html", values={}, problems={})


@blueprint.post("/login")
@public
def login() -> Page:
    """Begin a session."""
    here = visit()
    try:
        told = inputs.read(inputs.SignIn, request.form)
        _count(f"login {here.tx.tenant_id} {told.email.lower()}")
        member = people.by_email(here.tx, told.email)
        if not password_is(told.password, member.password_hash if member else None) or member is None:
            raise Invalid({"password": "The e-mail address or the password is not right."})
    except Invalid as error:
        return again("workspace/login.html", error)
    return cookies.keep(to(_next()), people.open_session(here.tx, member.id))


@blueprint.post("/logout")
def logout() -> Response:
    """End the session."""
    people.close_session(visit().tx, cookies.token())
    return cookies.drop(to("/login"))


@blueprint.get("/join")
@public
def join_form() -> Page:
    """What an invitation's link shows."""
    invite = people.invite_of(visit().tx, request.args.get("token", ""))
    if invite is None:
        return render_template("workspace/join_gone.html"), 404
    return render_template("workspace/join.html", invite=invite, values={}, problems={})


@blueprint.post("/join")
@public
def join() -> Page:
    """Take the invitation."""
    here, token = visit(), request.form.get("token", "")
    invite = people.invite_of(here.tx, token)
    if invite is None:
        return render_template("workspace/join_gone.html"), 404
    try:
        told = inputs.read(inputs.Join, request.form)
    except Invalid as error:
        return again("workspace/join.html", error, invite=invite)
    here.workspace.must_be_writable()
    member_id = people.join(here.tx, token, told.name, hash_password(told.password))
    if member_id is None:
        raise NotFound("This invitation was taken already.")
    here.enforce()
    return cookies.keep(to("/"), people.open_session(here.tx, member_id))


@blueprint.get("/forgot")
@public
def forgot_form() -> str:
    """The form."""
    return render_template("workspace/forgot.html", sent=False)


@blueprint.post("/forgot")
@public
def forgot() -> str:
    """Send a link. The answer is the same whether there is such a member or not."""
    here, email = visit(), request.form.get("email", "")[:254].replace("\0", "").strip().lower()
    _count(f"forgot {here.tx.tenant_id} {email}")  # whoever uses up a member's has sent them as many links
    member = people.by_email(here.tx, email)
    if member is not None:
        token = people.open_session(here.tx, member.id, "reset", people.RESET)
        link = absolute(f"/reset?token={token}")
        body = (
            f"Hello {member.name},\n\nset a new password within an hour:\n{link}\n\nYou did not ask? Then do nothing.\n"
        )
        here.mail(member.email, f"A new password for {here.workspace.name}", body)
    return render_template("workspace/forgot.html", sent=True)


@blueprint.get("/reset")
@public
def reset_form() -> str:
    """The form behind the link."""
    return render_template("workspace/reset.html", token=request.args.get("token", ""), problems={})


@blueprint.post("/reset")
@public
def reset() -> Page:
    """Set the password, end all sessions, begin a new one."""
    tx, token, password = visit().tx, request.form.get("token", ""), request.form.get("password", "")
    if not 10 <= len(password) <= 200:
        problems = {"password": "Use at least 10 characters."}
        return render_template("workspace/reset.html", token=token, problems=problems), 422
    member_id = people.use_once(tx, token, "reset")
    if member_id is None:
        return render_template("workspace/forgot.html", sent=False, too_late=True), 404
    people.set_password(tx, member_id, hash_password(password))
    return cookies.keep(to("/"), people.open_session(tx, member_id))


def _count(what: str) -> None:
    """Count an attempt, by what is tried and by who tries. Raises TooManyRequests."""
    here = visit()
    site.count_attempt(here.tx.connection, what, _TRIES, _WINDOW)
    site.count_attempt(here.tx.connection, f"{here.tx.tenant_id} {client_address()}", _TRIES * 5, _WINDOW)
    here.checkpoint()


def _next() -> str:
    """The page that was wanted; one of this host, whatever the address says."""
    path = request.form.get("next", "")
    plain = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and "\\" not in path
    return path if plain else "/"
