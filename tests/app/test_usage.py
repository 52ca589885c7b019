"""Usage, plans and their limits: exact however many come at once, told in time, and never in the way of leaving."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta

import pytest
from test_workspace_api import Program
from workspaces import Browser, Founded, change, end_trial, fill, give_plan

from aespo import chart
from aespo.metrics import EVERY, Metrics
from aespo.plans import PLANS, Plan, Usage, exceeded, measures, seconds_of_today_left
from aespo.web import Aespo

PLAN = Plan("p", "P", members=2, rows=10, bytes=1000, requests=100)


def usage(program: Program) -> dict[str, int]:
    return {key: item["used"] for key, item in program.ask("GET", "/usage").json["limits"].items()}


def test_limits_are_told_from_eighty_percent_on() -> None:
    states = [measures(PLAN, Usage(notes=count))[1].state for count in (7, 8, 9, 10, 11)]
    assert states == ["ok", "near", "near", "full", "full"]


def test_only_what_grows_beyond_a_limit_is_refused() -> None:
    assert exceeded(PLAN, Usage(notes=9), Usage(notes=10)) is None
    assert exceeded(PLAN, Usage(notes=10), Usage(notes=11)).key == "rows"  # type: ignore[union-attr]
    assert exceeded(PLAN, Usage(notes=20), Usage(notes=19)) is None, "it was put on a smaller plan"
    assert exceeded(PLAN, Usage(notes=20, bytes=10), Usage(notes=20, bytes=20)) is None


def test_requests_are_counted_anew_after_midnight() -> None:
    assert 0 < seconds_of_today_left() <= 86_401


def test_what_is_there_is_counted_to_the_byte(acme: Founded) -> None:
    program = Program(acme.owner.site, acme.host, acme.token())
    before = usage(program)
    note = program.ask("POST", "/notes", {"title": "äé", "body": "12345"})
    assert usage(program)["bytes"] - before["bytes"] == 4 + 5
    program.ask("PUT", f"/notes/{note.json['id']}", {"title": "x"}, If_Match='"v1"')
    assert usage(program)["bytes"] - before["bytes"] == 1
    program.ask("DELETE", f"/notes/{note.json['id']}", If_Match='"v2"')
    now = usage(program)
    assert (now["bytes"], now["rows"]) == (before["bytes"], before["rows"])
    acme.joined()
    assert usage(program)["members"] == before["members"] + 1


def test_requests_are_counted_exactly_however_many_come_at_once(acme: Founded) -> None:
    program = Program(acme.owner.site, acme.host, acme.token())
    before = usage(program)["requests"]
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda _: program.ask("GET", "/notes").status_code, range(64)))
    assert codes == [200] * 64
    assert usage(program)["requests"] == before + 64 + 1


def test_what_failed_is_not_counted(acme: Founded) -> None:
    program = Program(acme.owner.site, acme.host, acme.token())
    before = usage(program)["requests"]
    assert program.ask("GET", "/notes/000000000000").status_code == 404
    assert usage(program)["requests"] == before + 1


def test_a_limit_holds_to_the_last_row_however_many_write_at_once(acme: Founded) -> None:
    program = Program(acme.owner.site, acme.host, acme.token())
    room = PLANS["trial"].rows - usage(program)["rows"]
    fill(acme, room - 4)
    with ThreadPoolExecutor(8) as pool:
        codes = list(
            pool.map(lambda number: program.ask("POST", "/notes", {"title": f"{number}"}).status_code, range(16))
        )
    assert sorted(codes) == [201] * 4 + [402] * 12
    assert usage(program)["rows"] == PLANS["trial"].rows


def test_at_the_limit_one_can_read_and_delete_and_write_again(acme: Founded) -> None:
    program = Program(acme.owner.site, acme.host, acme.token())
    fill(acme, PLANS["trial"].rows - usage(program)["rows"])
    page = acme.owner.get("/notes").text
    assert "Notes, tasks and files: 200 of 200." in page
    refused = acme.owner.post("/notes", title="One more", body="")
    assert refused.status_code == 402
    assert "The Trial plan has 200 for notes, tasks and files." in refused.text
    problem = program.ask("POST", "/notes", {"title": "One more"})
    assert (problem.status_code, problem.mimetype) == (402, "application/problem+json")
    assert (problem.json["limit"], problem.json["allowed"]) == ("rows", 200)
    assert program.ask("DELETE", "/notes/filled1", If_Match='"v1"').status_code == 204
    assert program.ask("POST", "/notes", {"title": "One more"}).status_code == 201


def test_near_a_limit_it_is_told_on_each_page(acme: Founded) -> None:
    assert "The limit of your plan is near." not in acme.owner.get("/tasks").text
    fill(acme, 160)
    assert "The limit of your plan is near." in acme.owner.get("/tasks").text


def test_when_the_requests_of_the_day_are_used_up_reading_goes_on(acme: Founded) -> None:
    program = Program(acme.owner.site, acme.host, acme.token())
    change(acme, "INSERT INTO usage_days SELECT tenant_id, current_date, 99, 5000 FROM tenants")
    answer = program.ask("POST", "/notes", {"title": "x"})
    assert (answer.status_code, answer.json["type"]) == (429, "urn:aespo:too-many-requests")
    assert 0 < int(answer.headers["Retry-After"]) <= 86_401
    assert program.ask("GET", "/notes").status_code == 200
    note = program.ask("GET", "/notes").json["items"][0]
    assert program.ask("DELETE", f"/notes/{note['id']}", If_Match='"v1"').status_code == 204


def test_after_the_trial_everything_can_be_read_and_deleted_and_nothing_written(acme: Founded) -> None:
    note = acme.note()
    end_trial(acme)
    assert "Your trial is over." in acme.owner.get("/").text
    for path, form in (
        ("/notes", {"title": "x"}),
        (f"/notes/{note}", {"title": "x", "version": "1"}),
        ("/tasks", {"title": "x"}),
    ):
        assert acme.owner.post(path, **form).status_code == 402
    assert acme.owner.get(f"/notes/{note}").status_code == 200
    assert acme.owner.post(f"/notes/{note}/delete").status_code == 303
    give_plan(acme, "team")
    assert acme.owner.post("/notes", title="x").status_code == 303


def test_the_usage_page_shows_each_limit_and_the_days(acme: Founded) -> None:
    change(acme, "INSERT INTO usage_days SELECT tenant_id, current_date - 3, 0, 1234 FROM tenants")
    page = acme.owner.get("/usage").text
    for label in ("Members", "Notes, tasks and files", "Storage", "Requests today"):
        assert label in page
    assert ": 1,234</title>" in page
    assert page.count("<rect") == 30 + 4 * 2


@pytest.mark.parametrize(
    ("most", "top"), [(0, 1), (1, 1), (7, 10), (11, 20), (1234, 2000), (4999, 5000), (5001, 10000)]
)
def test_a_chart_s_axis_ends_at_a_round_number(most: int, top: int) -> None:
    day = date(2026, 11, 25)
    drawn = chart.daily({day: most}, 10**9, day)
    assert drawn.top == top
    assert drawn.limit_y is None
    assert all(0 <= bar.y <= chart.HEIGHT and bar.y + bar.height <= chart.HEIGHT + 0.1 for bar in drawn.bars)
    assert [bar.day for bar in drawn.bars] == [day - timedelta(days=back) for back in range(29, -1, -1)]


def test_the_limit_is_drawn_once_use_comes_near_it() -> None:
    day = date(2026, 11, 25)
    assert chart.daily({day: 60}, 100, day).limit_y == 0
    assert chart.daily({day: 100}, 100, day).bars[-1].over


def test_metrics_are_one_object_a_workspace_and_minute() -> None:
    lines: list[str] = []
    now = [1000.0]
    metrics = Metrics(lines.append, lambda: now[0])
    for _ in range(150):
        metrics.request("acme", 2.5)
    assert lines == []
    now[0] += EVERY
    metrics.request("globex", 7.0)
    told = [json.loads(line) for line in lines]
    assert [(item["Workspace"], item["Requests"], len(item["Duration"])) for item in told] == [
        ("acme", 150, 100),
        ("globex", 1, 1),
    ]
    directive = told[0]["_aws"]["CloudWatchMetrics"][0]
    assert directive["Namespace"] == "Aespo"
    assert directive["Dimensions"] == [["Workspace"], []]
    assert {metric["Name"] for metric in directive["Metrics"]} <= told[0].keys()


def test_a_metric_that_cannot_be_written_undoes_nothing(site: Aespo, acme: Founded) -> None:
    def full(_: str) -> None:
        raise OSError("No space left on device")

    hours = itertools.count(0.0, 3600.0)
    metrics = Metrics(full, lambda: next(hours))
    acme.owner.client.application = Aespo(replace(site.context, metrics=metrics))
    note = acme.note("Kept")
    assert acme.owner.get(f"/notes/{note}").status_code == 200


OPERATOR = "operator-operator-operator"


def operate(site: Aespo, path: str, method: str = "get", token: str = OPERATOR, json: object = None) -> object:
    client = Browser(site).client
    headers = {"Authorization": f"Bearer {token}"}
    return getattr(client, method)(f"/internal{path}", base_url="http://localhost:8000", headers=headers, json=json)


def test_operators_see_suspend_resume_and_change_plans(make_site: Callable[..., Aespo], acme: Founded) -> None:
    site = make_site(AESPO_OPERATOR_TOKEN=OPERATOR)
    told = operate(site, f"/tenants/{acme.slug}").json
    assert (told["slug"], told["plan"], told["suspended"], told["host"]) == (acme.slug, "trial", False, acme.host)
    assert told["usage"]["members"] == {"used": 1, "limit": 5}
    assert operate(site, f"/tenants/{acme.slug}/suspend", "post").json["suspended"] is True
    assert acme.owner.post("/notes", title="x").status_code == 403
    assert "This workspace is suspended." in acme.owner.get("/notes").text
    assert operate(site, f"/tenants/{acme.slug}/resume", "post").json["suspended"] is False
    assert acme.owner.post("/notes", title="x").status_code == 303
    assert operate(site, f"/tenants/{acme.slug}/plan", "post", json={"plan": "team"}).json["trial_days_left"] is None
    assert operate(site, f"/tenants/{acme.slug}/plan", "post", json={"plan": "free"}).status_code == 422
    assert operate(site, "/tenants/nobody").status_code == 404
    assert "Operator</strong> suspended the workspace" in acme.owner.get("/activity").text


def test_operators_list_all_workspaces_and_sample_their_hosts(
    make_site: Callable[..., Aespo], acme: Founded, globex: Founded
) -> None:
    site = make_site(AESPO_OPERATOR_TOKEN=OPERATOR)
    seen, after = [], 0
    while after is not None:
        page = operate(site, f"/tenants?after={after}").json
        seen += [item["slug"] for item in page["items"]]
        after = page["next"]
    assert {acme.slug, globex.slug} <= set(seen)
    assert len(seen) == len(set(seen))
    sample = operate(site, "/tenants?sample=200").json
    assert {acme.host, globex.host} <= set(sample) or len(sample) == 200
    assert len(operate(site, "/tenants?sample=1").json) == 1


def test_a_tenant_gate_may_ask_for_a_sample_and_nothing_else(make_site: Callable[..., Aespo], acme: Founded) -> None:
    gate = "only-for-the-tenant-gate-1"
    for more in ({}, {"AESPO_OPERATOR_TOKEN": OPERATOR}):
        site = make_site(AESPO_SAMPLE_TOKEN=gate, **more)
        sample = operate(site, "/tenants?sample=200", token=gate).json
        assert acme.host in sample or len(sample) == 200, "others' tests have workspaces, too"
        assert operate(site, "/tenants?sample=5", token="wrong").status_code == 401
        for path, method in (
            ("/tenants", "get"),
            (f"/tenants/{acme.slug}?sample=1", "get"),
            (f"/tenants/{acme.slug}/suspend?sample=1", "post"),
        ):
            assert operate(site, path, method, token=gate).status_code == (401 if more else 404)


@pytest.mark.parametrize("path", ["/tenants", "/tenants?sample=5", "/tenants/x", "/tenants/x/suspend"])
def test_nobody_else_does(make_site: Callable[..., Aespo], acme: Founded, path: str) -> None:
    method = "post" if path.endswith("suspend") else "get"
    assert operate(make_site(), path, method).status_code == 404
    site = make_site(AESPO_OPERATOR_TOKEN=OPERATOR)
    for token in ("", "wrong", acme.token()):
        assert operate(site, path, method, token).status_code == 401
