"""What the pages' forms have in common."""

from __future__ import annotations

from typing import Any

from flask import redirect, render_template, request
from werkzeug.wrappers import Response

from aespo.inputs import LARGEST_VERSION, whole
from aespo.problems import Invalid

Page = str | Response | tuple[str, int]


def to(path: str) -> Response:
    """After a form: on to a page that may be loaded again."""
    return redirect(path, 303)


def again(template: str, error: Invalid, **values: Any) -> tuple[str, int]:
    """The form once more, with all that was typed and what is wrong with it."""
    return render_template(template, values=request.form, problems=error.fields, **values), 422


def version() -> int:
    """The version that a form was made of. Raises Invalid."""
    number = whole(request.form.get("version", ""), 0, LARGEST_VERSION)
    if number is None:
        raise Invalid({"version": "The form is incomplete: load the page again."})
    return number
