"""What one tenant asks for is bounded, in size and in time, so that the others do not wait."""

from __future__ import annotations

import io
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from workspaces import PASSWORD, Browser, signed_up

from aespo.admission import BURST, PRESENT, Admission, Caller, Turn
from aespo.problems import TooManyRequests
from aespo.web import Aespo

CPU_SECONDS = 60
"""Of the processor, for a program that takes a few. It ends a hang, and measures nothing."""
TEXTS = {
    "brackets": "](" * 100_000,
    "nested links": "[" * 100_000 + "a" + "]" * 100_000,
    "emphasis": "*a **b " * 28_000,
    "images": "![a](" * 40_000,
    "quotes": ">" * 200_000,
    "lists": "- a\n" * 50_000,
    "a deep list": "".join(" " * (2 * (n % 40)) + "- a\n" for n in range(5_000)),
    "a table": "|a" * 10 + "|\n" + "|-" * 10 + "|\n" + ("|b" * 10 + "|\n") * 9_000,
    "a wide table": "|a" * 30_000 + "|\n" + "|-" * 30_000 + "|\n" + "|x|\n" * 15_000,
    "references": "[a]: b\n" * 20_000 + "[a]" * 20_000,
    "ticks": "".join("`" * n + " " for n in range(630)),
    "entities": "&amp;" * 40_000,
    "addresses": "<http://a.b>" * 16_000,
}


def in_bounded_time(*command: str) -> str:
    """What a Python program prints that has some seconds of the processor."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))

    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False, preexec_fn=limit)
    assert done.returncode == 0, f"more than {CPU_SECONDS} s, or a failure: {done.stderr}"
    return done.stdout


def test_no_regular_expression_takes_more_than_linear_time() -> None:
    assert int(in_bounded_time(str(Path(__file__).with_name("hostile_patterns.py")))) >= 15


@pytest.mark.parametrize("name", TEXTS)
def test_markdown_is_rendered_up_to_a_bound_and_shown_as_it_was_written_from_there(name: str) -> None:
    """The marks that are rendered bound the time: 0.35 s for the worst of these, where it took 2.9 s."""
    from aespo import markup

    text = TEXTS[name][:200_000]
    head, rest = markup._split(text)
    assert head + rest == text
    assert len(markup._MARK.findall(head)) <= markup.MOST_MARKS
    assert ("shown as it was written" in markup.to_html(text)) == bool(rest)
    assert len(markup.excerpt(text)) <= 142


def test_a_long_text_is_rendered_whole_where_it_has_few_marks() -> None:
    from aespo import markup

    text = "## A heading\n\nA paragraph of some *forty* words, as people write them. " * 400
    assert markup._split(text) == (text, "")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Requests:
    """Requests of callers that are under way: each caller's latest one leaves first."""

    def __init__(self, admission: Admission) -> None:
        self.admission = admission
        self._turns: dict[Caller, list[Turn]] = {}

    def enter(self, caller: Caller, before_waiting: Callable[[], object] = lambda: None) -> None:
        turn = Turn(caller)
        self.admission.enter(turn, before_waiting)
        self._turns.setdefault(caller, []).append(turn)

    def leave(self, caller: Caller, spent: float) -> None:
        self.admission.leave(self._turns[caller].pop(), spent)

    def outside(self, caller: Caller) -> AbstractContextManager[None]:
        return self.admission.outside(self._turns[caller][-1])

    def held(self, caller: Caller) -> tuple[int, int]:
        account = self.admission._accounts[caller]
        return len(account.present), len(account.working)


def test_a_caller_has_some_requests_at_a_time_and_others_have_theirs() -> None:
    admission = Requests(Admission(at_once=2, share=50, clock=Clock()))
    admission.enter(Caller("a"))
    admission.enter(Caller("a"))
    with pytest.raises(TooManyRequests) as refused:
        admission.enter(Caller("a"))
    assert refused.value.retry_after == 1
    with pytest.raises(TooManyRequests):
        admission.admission.check(Caller("a"))
    admission.enter(Caller("b"))
    admission.leave(Caller("a"), 0.0)
    admission.admission.check(Caller("a"))
    admission.enter(Caller("c", stranger=True))
    with pytest.raises(TooManyRequests):
        admission.enter(Caller("c", stranger=True))  # half of what members have


def test_while_others_are_there_a_caller_s_requests_are_worked_on_in_turn() -> None:
    admission, noisy, steps = Requests(Admission(at_once=4, share=1000, patience=10.0)), Caller("noisy"), []
    admission.enter(noisy)
    comes(admission, "quiet")

    def second() -> None:
        admission.enter(noisy, lambda: steps.append("waits"))
        steps.append("works")
        admission.leave(noisy, 0.0)

    waiting = threading.Thread(target=second)
    waiting.start()
    while not steps:
        time.sleep(0.001)
    comes(admission, "quiet")
    assert steps == ["waits"]
    admission.leave(noisy, 0.0)
    waiting.join(10)
    assert steps == ["waits", "works"]
    assert admission.held(noisy) == (0, 0)


def test_whoever_waits_for_storage_lets_the_next_one_work() -> None:
    admission, noisy = Requests(Admission(at_once=4, share=1000, patience=0.01)), Caller("noisy")
    admission.enter(noisy)
    comes(admission, "quiet")
    with pytest.raises(TooManyRequests, match="too long"):
        admission.enter(noisy)
    with admission.outside(noisy):
        admission.enter(noisy)
        admission.leave(noisy, 0.0)
    admission.leave(noisy, 0.0)
    assert admission.held(noisy) == (0, 0)


def test_who_is_known_is_refused_without_the_database(make_site: Callable[..., Aespo]) -> None:
    site = make_site(AESPO_REQUESTS_AT_ONCE="1")
    acme = signed_up(site)
    member = Caller(acme.tenant_id)
    assert acme.owner.get("/notes").status_code == 200
    under_way = Requests(site.context.admission)
    under_way.enter(member)
    site.context.require_database().close()  # whatever asked it would be answered 503
    for path, kind in (("/notes", "text/plain"), ("/api/v1/notes", "application/problem+json")):
        answer = acme.owner.get(path)
        assert (answer.status_code, answer.mimetype, answer.headers["Retry-After"]) == (429, kind, "1")
    assert acme.owner.new().get("/login").status_code == 503


def test_the_body_of_a_request_that_is_refused_is_not_parsed(make_site: Callable[..., Aespo]) -> None:
    site = make_site(AESPO_REQUESTS_AT_ONCE="1")
    acme = signed_up(site)
    under_way = Requests(site.context.admission)
    under_way.enter(Caller(acme.tenant_id))
    body = io.BytesIO(b"title=" + b"x" * 500_000)
    environ = {"wsgi.input": body, "wsgi.input_terminated": True}
    headers = {"Origin": f"http://{acme.host}", "Content-Type": "application/x-www-form-urlencoded"}
    answer = acme.owner.client.post(
        "/notes", base_url=f"http://{acme.host}", headers=headers, content_length=500_006, environ_overrides=environ
    )
    assert answer.status_code == 429
    assert body.tell() == 500_006, "read to its end all the same, so that the answer is not lost"


def comes(admission: Requests, caller: str) -> None:
    """A request of a caller that takes nothing."""
    admission.enter(Caller(caller))
    admission.leave(Caller(caller), 0.0)


def test_what_a_caller_spends_grows_back_with_its_share() -> None:
    clock = Clock()
    admission = Requests(Admission(at_once=2, share=50, clock=clock))
    admission.enter(Caller("a"))
    admission.leave(Caller("a"), BURST * 0.5 + 3.0)
    admission.enter(Caller("a"))  # nobody else is there
    admission.leave(Caller("a"), 0.0)
    comes(admission, "b")
    with pytest.raises(TooManyRequests) as refused:
        admission.enter(Caller("a"))
    assert refused.value.retry_after == 7  # 3 s too much, at half a second each second, and a moment more
    clock.now += PRESENT - 0.1
    with pytest.raises(TooManyRequests):
        admission.enter(Caller("a"))
    clock.now += 0.2
    admission.enter(Caller("a"))  # the other one has gone
    admission.leave(Caller("a"), 0.0)
    comes(admission, "b")
    clock.now += 1.9
    with pytest.raises(TooManyRequests):
        admission.enter(Caller("a"))
    clock.now += 4.0
    comes(admission, "b")
    admission.enter(Caller("a"))  # it has grown back


def test_a_debt_is_bounded() -> None:
    clock = Clock()
    admission = Requests(Admission(at_once=2, share=50, clock=clock))
    for _ in range(100):
        admission.enter(Caller("a"))
        admission.leave(Caller("a"), 60.0)
    clock.now += BURST + 0.1
    admission.enter(Caller("b"))
    admission.enter(Caller("a"))


def test_callers_who_are_quiet_are_forgotten() -> None:
    clock = Clock()
    admission = Requests(Admission(at_once=2, share=50, clock=clock))
    for number in range(10_001):
        admission.enter(Caller(number))
        admission.leave(Caller(number), 0.1)
    clock.now += 3600.0
    admission.enter(Caller("last"))
    admission.leave(Caller("last"), 0.1)
    assert set(admission.admission._accounts) == {Caller("last")}


def test_of_one_workspace_s_requests_at_a_time_some_are_answered_and_another_s_all(
    make_site: Callable[..., Aespo],
) -> None:
    site = make_site(AESPO_REQUESTS_AT_ONCE="2")
    noisy, quiet = signed_up(site), signed_up(site)
    admission, tenant = Requests(site.context.admission), Caller(noisy.tenant_id)
    admission.enter(tenant)
    admission.enter(tenant)
    refused = noisy.owner.get("/notes")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    assert quiet.owner.get("/notes").status_code == 200
    assert noisy.owner.new().get("/login").status_code == 200, "a stranger's requests do not count as the members'"
    admission.leave(tenant, 0.0)
    assert noisy.owner.get("/notes").status_code == 200


def test_strangers_at_one_address_do_not_use_up_what_members_have(make_site: Callable[..., Aespo]) -> None:
    site = make_site(AESPO_REQUESTS_AT_ONCE="1")
    acme = signed_up(site)
    under_way = Requests(site.context.admission)
    under_way.enter(Caller((acme.tenant_id, ""), stranger=True))
    assert acme.owner.new().get("/login").status_code == 429
    assert acme.owner.get("/").status_code == 200


def test_what_a_request_took_is_counted_at_its_end_whatever_became_of_it(make_site: Callable[..., Aespo]) -> None:
    site = make_site(AESPO_REQUESTS_AT_ONCE="3")
    acme = signed_up(site)
    start, bearer = threading.Barrier(3), f"Bearer {acme.token()}"

    def ask(path: str) -> int:
        start.wait(10)
        return acme.owner.new().get(f"/api/v1{path}", Authorization=bearer).status_code

    with ThreadPoolExecutor(3) as together:
        assert sorted(together.map(ask, ("/notes", "/nothing", "/notes/0"))) == [200, 404, 404]
    account = site.context.admission._accounts[Caller(acme.tenant_id)]
    assert (len(account.present), len(account.working)) == (0, 0)
    assert account.left < BURST * site.context.settings.share / 100


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("198.51.100.1, 8.8.8.8", "8.8.8.8", True),
        ("2a00:1450:4001::1", "2a00:1450:4001::ffff", True),
        ("2a00:1450:4001::1", "2a00:1450:4002::1", False),
        ("8.8.8.8", "8.8.4.4", False),
        ("10.0.0.1", "10.0.0.1", False),
        ("no address", "no address", False),
    ],
)
def test_a_stranger_has_no_more_by_asking_at_many_workspaces(
    make_site: Callable[..., Aespo], one: str, other: str, same: bool
) -> None:
    site = make_site(AESPO_PROXIES="1")
    places = [signed_up(site), signed_up(site)]
    site.context.admission._accounts.clear()
    for place, forwarded in zip(places, (one, other), strict=True):
        assert place.owner.new().get("/login", **{"X-Forwarded-For": forwarded}).status_code == 200
    assert len(site.context.admission._accounts) == (1 if same else 2)


def test_a_network_of_ipv6_signs_up_as_one_client(make_site: Callable[..., Aespo]) -> None:
    site = make_site(AESPO_SIGNUPS_PER_HOUR="2", AESPO_PROXIES="1")
    form = {"workspace": "Network", "name": "Ana", "email": "ana@example.com", "password": PASSWORD}

    def sign_up(number: int) -> int:
        forwarded = {"X-Forwarded-For": f"2a00:1450:4001::{number}"}
        return Browser(site).post("/signup", forwarded, **form, slug=f"net-six-{number}").status_code

    answers = [sign_up(number) for number in range(3)]
    assert answers == [303, 303, 429]
