"""What the workspace uses, and what its plan allows."""

from __future__ import annotations

from flask import Blueprint, render_template

from aespo import chart
from aespo.db.queries import usage
from aespo.plans import PLANS
from aespo.web.context import today
from aespo.web.visit import visit

blueprint = Blueprint("usage", __name__)


@blueprint.get("/usage")
def show() -> str:
    """Meters and a chart."""
    here = visit()
    counts = {row.day: int(row.requests) for row in usage.requests_by_day(here.tx)}
    drawn = chart.daily(counts, here.workspace.plan.requests, today())
    return render_template(
        "workspace/usage.html", chart=drawn, size=chart, total=sum(counts.values()), plans=PLANS.values()
    )
