"""The Flask application of the workspaces' hosts."""

from __future__ import annotations

import re

from flask import Flask

from aespo.api import v1
from aespo.plans import measures
from aespo.problems import NotFound
from aespo.web import admission, errors, guard, request_context
from aespo.web.context import Context, new_flask
from aespo.web.pages import account, data, home, notes, tasks, team, usage

_ID = re.compile(r"[0-9a-z]{1,40}")


def _refuse_impossible_ids(_: str | None, values: dict[str, str] | None) -> None:
    """What can be no id is answered like one that there is not, before the database is asked. Raises NotFound."""
    if values and not all(_ID.fullmatch(value) for value in values.values()):
        raise NotFound


def create(context: Context) -> Flask:
    """The application."""
    flask = new_flask("aespo.workspace", context)
    flask.config.update(MAX_CONTENT_LENGTH=admission.LARGEST_REQUEST, MAX_FORM_MEMORY_SIZE=1_000_000, MAX_FORM_PARTS=50)
    flask.jinja_env.globals.update(measures=measures)
    guard.install(flask)
    errors.install(flask)
    request_context.install(flask)
    flask.url_value_preprocessor(_refuse_impossible_ids)
    for module in (home, account, notes, tasks, team, usage, data, v1):
        flask.register_blueprint(module.blueprint)
    return flask
