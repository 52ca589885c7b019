"""What the workspace uses, and what its plan allows."""

from __future__ import annotations

from flask import Blueprint, render_template

from aespo import chart
from aespo.db.queries import usage
from aespo.offers import offers, upgrade_url
from aespo.web.context import context, today
from aespo.web.request_context import request_context

blueprint = Blueprint("usage", __name__)


@blueprint.get("/usage")
def show() -> str:
    """Meters and a chart."""
    here = request_context()
    counts = {row.day: int(row.requests) for row in usage.requests_by_day(here.tx)}
    drawn = chart.daily(counts, here.workspace.plan.requests, today())
    values = {"chart": drawn, "size": chart, "total": sum(counts.values())}
    shown = offers(context().settings.prices)
    return render_template("workspace/usage.html", **values, offers=shown, ways=_ways())


def _ways() -> dict[str, str]:
    """Where each plan but the own one is bought, for owners."""
    here, template = request_context(), context().settings.upgrade_url
    if not template or not here.who.owns:
        return {}
    return {
        offer.plan.key: upgrade_url(template, workspace=here.workspace.slug, plan=offer.plan, email=here.who.email)
        for offer in offers({})
        if offer.plan.key not in ("trial", here.workspace.plan.key)
    }
