"""The Flask application of the site's own host: the front page, signing up, and what machines ask."""

from __future__ import annotations

from flask import Blueprint, Flask, Response, abort, g, redirect, render_template, request

from aespo import hosts, inputs, sample, slugs
from aespo.db.queries import site
from aespo.offers import offers
from aespo.problems import Invalid
from aespo.tokens import digest, hash_password, new_id, new_token
from aespo.web import admission, errors, guard, operations, operators
from aespo.web.context import ADDRESS, Context, absolute, address, client_source, context, new_flask, stranger

pages = Blueprint("site", __name__)
_HOUR = 3600


def create(context: Context) -> Flask:
    """The application."""
    flask = new_flask("aespo.site", context)
    flask.config.update(MAX_CONTENT_LENGTH=100_000)
    guard.install(flask)
    errors.install(flask)
    admission.install(flask)
    flask.before_request(_find_site)
    flask.register_blueprint(operations.blueprint)
    flask.register_blueprint(operators.blueprint)
    flask.register_blueprint(pages)
    return flask


def _find_site() -> None:
    """End a request whose Host is none of ours."""
    if request.blueprint == operations.blueprint.name:
        return
    found = request.environ[ADDRESS]
    if isinstance(found, hosts.InvalidHost):
        abort(400, "The request names no host, or one that cannot exist.")
    if isinstance(found, hosts.UnknownHost):
        abort(404, "No workspace has this address.")
    g.address = found
    if request.blueprint == pages.name:
        admission.admit(stranger())
    if request.blueprint != operators.blueprint.name:  # a token is no cookie: no other site can send it
        guard.require_same_origin()


@pages.get("/")
def front() -> str:
    """What it is, and the way in."""
    return render_template("site/landing.html", ready=context().database is not None)


@pages.get("/prices")
def prices() -> str:
    """What the plans contain and cost."""
    settings = context().settings
    values = {"offers": offers(settings.prices), "buys": bool(settings.upgrade_url)}
    return render_template("site/prices.html", **values, ready=context().database is not None)


@pages.get("/open")
def open_workspace() -> Response | tuple[str, int]:
    """To the workspace whose address somebody typed."""
    slug = slugs.tidy(request.args.get("slug", "")).partition(".")[0]
    if not slugs.PATTERN.fullmatch(slug):
        page = render_template(
            "site/landing.html",
            ready=context().database is not None,
            slug=slug,
            problem="An address looks like this: my-team.",
        )
        return page, 422
    return redirect(absolute("/", address().to(slug)), 303)  # type: ignore[return-value]


@pages.get("/signup")
def signup_form() -> str:
    """The form."""
    context().require_database()
    return render_template("site/signup.html", values={}, problems={})


@pages.post("/signup")
def signup() -> Response | tuple[str, int]:
    """Make a workspace and lead into it: it is there when the answer is."""
    values = request.form.to_dict()
    if not values.get("slug", "").strip():
        values["slug"] = slugs.suggest(values.get("workspace", ""))
    try:
        told = inputs.read(inputs.SignUp, values)
        slug = _checked(told.slug)
        token = _found(slug, told)
    except Invalid as error:
        return render_template("site/signup.html", values=values, problems=error.fields), 422
    return redirect(absolute(f"/arrive?token={token}", address().to(slug)), 303)  # type: ignore[return-value]


def _checked(text: str) -> str:
    try:
        return slugs.check(slugs.tidy(text))
    except slugs.InvalidSlug as error:
        raise Invalid({"slug": str(error)}) from None


def _found(slug: str, told: inputs.SignUp) -> str:
    """The workspace in one transaction; the token to arrive with. Raises Invalid where the address is taken."""
    database, token = context().require_database(), new_token()
    with database.without_tenant() as connection:
        site.count_attempt(connection, f"signup {client_source()}", context().settings.signups_per_hour, _HOUR)
    member = {
        "id": new_id(),
        "email": told.email.lower(),
        "name": told.name,
        "password_hash": hash_password(told.password),
    }
    with database.without_tenant() as connection:
        tenant_id = site.claim(connection, slug)
        if tenant_id is None:
            raise Invalid({"slug": "This address is taken."})
        tx = site.found(connection, tenant_id, told.workspace, member, digest(token))
        sample.write(tx)
        tx.audit("founded", f"the workspace “{told.workspace}”")
    return token
