"""Coming in and going out: arriving after the sign-up, signing in, joining, a forgotten password."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from aespo import inputs, letters
from aespo.db.queries import people, site
from aespo.problems import Invalid, NotFound
from aespo.tokens import hash_password, password_is
from aespo.web import cookies
from aespo.web.context import client_network, mailed, mailed_host
from aespo.web.pages.forms import Page, again, to
from aespo.web.request_context import public, request_context

blueprint = Blueprint("account", __name__)
_TRIES, _WINDOW = 10, 900
"""Attempts to sign in as one member from one network, or from one device that is known, in so many seconds."""
_TRIES_OF_NETWORK, _TRIES_OF_MEMBER = 50, 100
"""As anybody from one network; as one member, from devices that are not known."""
_LINKS, _LINKS_WINDOW = 3, 3600
"""Links that one address is sent in so many seconds."""


@blueprint.get("/arrive")
@public
def arrive() -> Response:
    """Take the one-time token of the sign-up for a session."""
    tx = request_context().tx
    member_id = people.use_once(tx, request.args.get("token", ""), "arrival")
    if member_id is None:
        return to("/login?used=1")
    return _signed_in(to("/"), member_id)


@blueprint.get("/login")
@public
def login_form() -> Page:
    """The form."""
    if request_context().member is not None:
        return to("/")
    return render_template("workspace/login.html", values={}, problems={})


@blueprint.post("/login")
@public
def login() -> Page:
    """Begin a session."""
    here = request_context()
    try:
        told = inputs.read(inputs.SignIn, request.form)
        counted = _count_sign_in(told.email.lower())
        member = people.by_email(here.tx, told.email)
        if not password_is(told.password, member.password_hash if member else None) or member is None:
            raise Invalid({"password": "The e-mail address or the password is not right."})
    except Invalid as error:
        return again("workspace/login.html", error)
    for what in counted:  # a success forgives what failed before it
        site.forget_attempts(here.tx.connection, what)
    return _signed_in(to(_next()), member.id)


@blueprint.post("/logout")
def logout() -> Response:
    """End the session."""
    people.close_session(request_context().tx, cookies.token())
    return cookies.drop(to("/login"))


@blueprint.get("/join")
@public
def join_form() -> Page:
    """What an invitation's link shows."""
    invite = people.invite_of(request_context().tx, request.args.get("token", ""))
    if invite is None:
        return render_template("workspace/join_gone.html"), 404
    return render_template("workspace/join.html", invite=invite, values={}, problems={})


@blueprint.post("/join")
@public
def join() -> Page:
    """Take the invitation."""
    here, token = request_context(), request.form.get("token", "")
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
    return _signed_in(to("/"), member_id)


@blueprint.get("/forgot")
@public
def forgot_form() -> str:
    """The form."""
    return render_template("workspace/forgot.html", sent=False)


@blueprint.post("/forgot")
@public
def forgot() -> str:
    """Send a link. The answer is the same whether there is such a member or not."""
    here, email = request_context(), request.form.get("email", "")[:254].replace("\0", "").strip().lower()
    tenant = here.tx.tenant_id
    _count(
        (f"{tenant} {client_network()}", _TRIES_OF_NETWORK, _WINDOW),
        (f"forgot {tenant} {email}", _LINKS, _LINKS_WINDOW),  # whoever uses up a member's has sent them as many links
    )
    member = people.by_email(here.tx, email)
    if member is not None:
        token = people.open_session(here.tx, member.id, "reset", people.RESET)
        here.mail(member.email, letters.new_password(mailed_host(), mailed(f"/reset?token={token}")))
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
    tx, token, password = request_context().tx, request.form.get("token", ""), request.form.get("password", "")
    if not 10 <= len(password) <= 200:
        problems = {"password": "Use at least 10 characters."}
        return render_template("workspace/reset.html", token=token, problems=problems), 422
    member_id = people.use_once(tx, token, "reset")
    if member_id is None:
        return render_template("workspace/forgot.html", sent=False, too_late=True), 404
    people.set_password(tx, member_id, hash_password(password))
    people.confirm(tx, member_id)  # the link came to their address
    return _signed_in(to("/"), member_id)


@blueprint.post("/confirm")
def ask_to_confirm() -> Page:
    """Send the link that confirms the member's own address."""
    here = request_context()
    if not here.who.confirmed:
        _count((f"confirm {here.tx.tenant_id} {here.who.id}", _LINKS, _LINKS_WINDOW))
        token = people.open_session(here.tx, here.who.id, "confirm", people.CONFIRMATION)
        here.mail(here.who.email, letters.confirmation(mailed_host(), mailed(f"/confirm?token={token}")))
    return to("/team?confirming=1")


@blueprint.get("/confirm")
@public
def confirm() -> Page:
    """Take the link: the address is the member's, who may be signed in at another browser."""
    here = request_context()
    member_id = people.use_once(here.tx, request.args.get("token", ""), "confirm")
    if member_id is None:
        return render_template("workspace/confirm_gone.html"), 404
    people.confirm(here.tx, member_id)
    return to("/team" if here.member else "/login")


def _signed_in(answer: Response, member_id: str) -> Response:
    """Begin a session, and remember the browser: from there the member can sign in whatever others try elsewhere."""
    tx = request_context().tx
    people.close_session(tx, cookies.device())  # each browser has one, however often somebody signs in there
    cookies.keep_device(answer, people.open_session(tx, member_id, "device", people.DEVICE))
    return cookies.keep(answer, people.open_session(tx, member_id))


def _count_sign_in(email: str) -> list[str]:
    """Count an attempt to sign in; under which names. Raises TooManyRequests.

    From a device that the member has signed in with, only its own attempts count: no stranger can lock a member out.
    """
    here = request_context()
    tenant, device, network = here.tx.tenant_id, cookies.device(), client_network()
    if people.knows_device(here.tx, email, device):
        limits = [(f"device {tenant} {device}", _TRIES, _WINDOW)]
    else:
        limits = [
            (f"login {tenant} {email} {network}", _TRIES, _WINDOW),
            (f"{tenant} {network}", _TRIES_OF_NETWORK, _WINDOW),
            (f"login {tenant} {email}", _TRIES_OF_MEMBER, _WINDOW),
        ]
    _count(*limits)
    return [what for what, _, _ in limits]


def _count(*limits: tuple[str, int, int]) -> None:
    """Count an attempt under each name, with its limit in so many seconds. Raises TooManyRequests."""
    here = request_context()
    for what, limit, seconds in limits:
        site.count_attempt(here.tx.connection, what, limit, seconds)
    here.checkpoint()


def _next() -> str:
    """The page that was wanted; one of this host, whatever the address says."""
    path = request.form.get("next", "")
    plain = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and "\\" not in path
    return path if plain else "/"
