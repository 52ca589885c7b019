"""Why a release failed, from what AWS tells: sure causes end a gate, a slow and good start never does."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from memory import MemoryClock
from rich.console import Console
from simulated import World
from stages import NOW

from ebcd.errors import AwsRefused, ReleaseFailed
from ebcd.model import EnvironmentHealth, Event, InstanceHealth, LogTail, Metrics
from ebcd.release.execute.diagnosis import judged
from ebcd.release.execute.health import Sample
from ebcd.release.execute.hopeless import PATIENCE, Hopeless
from ebcd.release.execute.suspicion import Suspicion
from ebcd.release.judge import logs
from ebcd.release.judge.diagnosis import Diagnosis, explained
from ebcd.release.judge.verdict import Down, Evidence, SurelyFailed, Verdict, judge
from ebcd.report import text

SAMPLE = 10.0
NO_METRICS = Metrics(0, 0, None)
DASHES = "-" * 40
UNCLOSED = """  File "/var/app/current/app.py", line 9
    def x(
         ^
SyntaxError: '(' was never closed"""
DOWN = "Following services are not running: web."
TRACEBACK = """[2026-01-02 10:00:00 +0000] [7] [ERROR] Exception in worker process
Traceback (most recent call last):
  File "/var/app/venv/staging-LQM1lest/lib/python3.11/site-packages/gunicorn/util.py", line 370, in import_app
    mod = importlib.import_module(module)
  File "<frozen importlib._bootstrap>", line 1204, in _gcd_import
  File "/var/app/current/shop/orders.py", line 3, in <module>
    import flask
ModuleNotFoundError: No module named 'flask'
[2026-01-02 10:00:00 +0000] [7] [INFO] Worker exiting (pid: 7)"""


def tail(**found: str) -> str:
    """A log tail as instances deliver it; names with `__` for a slash."""
    names = {"web": logs.WEB, "engine": logs.ENGINE, "proxy": logs.PROXY, "access": logs.ACCESS}
    return "\n".join(f"{DASHES}\n/var/log/{names[name]}\n{DASHES}\n{text}\n" for name, text in found.items())


def behind_syslog(text: str) -> str:
    return "\n".join(f"Jan  2 10:00:00 ip-172-31-44-139 web[2613]: {line}" for line in text.splitlines())


def failure(*messages: str) -> tuple[Event, ...]:
    return tuple(Event(NOW, "ERROR", message) for message in messages)


DEPLOYMENT = failure(
    "Instance deployment failed. For details, see 'eb-engine.log'.",
    "[Instance: i-1] Command failed on instance. Return code: 1 Output: Engine execution has encountered an error..",
    "Unsuccessful command execution on instance id(s) 'i-1'. Aborting the operation.",
)


def engine(step: str, error: str) -> str:
    return (
        "2026/01/02 10:00:00.209966 [ERROR] An error occurred during execution of command [app-deploy] - "
        f"[{step}]. Stop running the command. Error: {error}"
    )


REFUSED = (
    "2026/01/02 10:00:00 [error] 8#8: *9 connect() failed (111: Connection refused) while connecting to upstream, "
    'client: 172.31.5.4, server: , request: "GET / HTTP/1.1", upstream: "http://127.0.0.1:8000/", host: "172.31.5.9"'
)


def checked(status: int, path: str = "/healthz") -> str:
    return (
        f'172.31.5.4 - - [02/Jan/2026:10:00:00 +0000] "GET {path} HTTP/1.1" {status} 9 "-" "ELB-HealthChecker/2.0" "-"'
    )


def judgement(text: str = "", **evidence: Any) -> Verdict:
    found = judge(Evidence(**{"logs": logs.read(text), **evidence}))
    assert found is not None
    return found


@pytest.mark.parametrize("given", [TRACEBACK, behind_syslog(TRACEBACK)], ids=["plain", "syslog"])
def test_an_import_error_is_told_by_the_applications_own_line(given: str) -> None:
    found = judgement(tail(web=given), causes=(DOWN,), down=Down(3))
    assert found.cause == "ModuleNotFoundError in shop/orders.py:3: No module named 'flask'"
    assert found.sure
    assert "flask" in found.advice


@pytest.mark.parametrize(
    ("written", "cause"),
    [
        (UNCLOSED, "SyntaxError in app.py:9"),
        ("Failed to find attribute 'application' in 'app'.", "app has no object 'application'"),
        ('ERROR:    Error loading ASGI app. Attribute "api" not found in module "main".', "main has no object 'api'"),
        ("/bin/sh: application: command not found", "There is no command 'application'"),
        ("/bin/sh: line 1: ./start.sh: Permission denied", "./start.sh may not be executed"),
        ("[ERROR] Worker (pid:21) was sent SIGKILL! Perhaps out of memory?", "web has no memory left: it is killed"),
        ("the database password is missing", "web ends: the database password is missing"),
        ("[2026-01-02 10:00:00 +0000] [7] [INFO] Starting gunicorn 23.0.0", "web ends and says nothing"),
    ],
)
def test_a_process_that_ends_again_and_again_is_told_by_its_own_words(written: str, cause: str) -> None:
    assert judgement(tail(web=behind_syslog(written)), causes=(DOWN,), down=Down(3)) == replace(
        judgement(tail(web=written), causes=(DOWN,), down=Down(3)), cause=cause, sure=True
    )


def test_a_missing_environment_property_is_named() -> None:
    written = TRACEBACK.replace("ModuleNotFoundError: No module named 'flask'", "KeyError: 'SECRET_KEY'")
    found = judgement(tail(web=written), causes=(DOWN,), down=Down(3))
    assert found.advice == "If SECRET_KEY is an environment property, name it under env of the stage in ebcd.toml."


def test_of_a_chain_the_applications_own_exception_is_the_cause() -> None:
    chain = (
        'Traceback (most recent call last):\n  File "/var/app/current/shop/settings.py", line 4, in <module>\n    x()\n'
        "KeyError: 'SECRET_KEY'\n\nDuring handling of the above exception, another exception occurred:\n\n"
        'Traceback (most recent call last):\n  File "/usr/lib/python3.11/site-packages/gunicorn/app.py", line 9\n'
        "    y()\ngunicorn.errors.HaltServer: <HaltServer 'Worker failed to boot.' 3>"
    )
    (found,) = logs.exceptions(chain.splitlines())
    assert (found.title, found.message) == ("KeyError in shop/settings.py:4", "'SECRET_KEY'")


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (
            engine(
                "InstallDependency",
                "fail to install dependencies with requirements.txt file with error Command "
                "/var/app/venv/staging-LQM1lest/bin/pip install -r requirements.txt failed with error exit status 1. "
                "Stderr:ERROR: No matching distribution found for no-such==9",
            ),
            "requirements.txt cannot be installed: there is no no-such==9",
        ),
        (
            "2026/01/02 10:00:00.1 [INFO] Error occurred during build: Command 01_migrate failed\n"
            + engine(
                "PostBuildEbExtension",
                "Container commands build failed. Please refer to /var/log/cfn-init.log for more details.",
            ),
            "The container command 01_migrate failed",
        ),
        (
            "django.db.utils.ProgrammingError\nno table orders\n"
            "2026/01/02 10:00:00.1 [INFO] Error occurred during build: Command 01_migrate failed\n"
            + engine("PostBuildEbExtension", "Container commands build failed."),
            "The container command 01_migrate failed: no table orders",
        ),
        (
            engine("RunAppDeployPreDeployHooks", "Command .platform/hooks/predeploy/01_x.sh failed with error"),
            "The hook .platform/hooks/predeploy/01_x.sh failed",
        ),
        (
            engine("StageApplication", "write /var/app/staging/a: no space left on device"),
            "The instance's disk is full",
        ),
    ],
)
def test_a_deployment_that_failed_is_told_by_the_engines_log(text: str, cause: str) -> None:
    found = judgement(tail(engine=text), events=DEPLOYMENT)
    assert (found.cause, found.sure) == (cause, True)


def test_a_process_that_ends_within_its_deployment_is_told_by_its_log() -> None:
    error = "update processes [web healthd nginx cfn-hup] pid symlinks failed with error Read pid source file"
    text = tail(engine=engine("Track pids in healthd", error), web=behind_syslog(TRACEBACK))
    assert judgement(text, events=DEPLOYMENT).cause.startswith("ModuleNotFoundError in shop/orders.py:3")


def test_without_logs_the_events_are_all_that_is_told() -> None:
    launch = failure("Service:Amazon S3, Message:Access Denied", "Failed to launch environment.")
    assert judgement(events=launch).cause == "The launch failed: Service:Amazon S3, Message:Access Denied"
    assert judge(Evidence(events=DEPLOYMENT)) is None, "these say that it failed, and not why"


def test_a_server_on_another_port_is_sure_and_one_that_does_not_listen_yet_is_not() -> None:
    other = tail(web="[2026-01-02] [7] [INFO] Listening at: http://0.0.0.0:5000 (7)", proxy="\n".join([REFUSED] * 3))
    assert judgement(other, steady=3).cause == "web listens on port 5000, and not on $PORT"
    assert judgement(other, steady=3).sure
    right = tail(web="[2026-01-02] [7] [INFO] Listening at: http://0.0.0.0:8000 (7)", proxy="\n".join([REFUSED] * 99))
    assert not judgement(right, steady=1000).sure
    silent = tail(proxy="\n".join([REFUSED] * 99))
    assert (judgement(silent, steady=1000).cause, judgement(silent, steady=1000).sure) == (
        "Nothing listens on $PORT (8000)",
        False,
    )


@pytest.mark.parametrize(
    ("statuses", "reports", "sure"),
    [
        ((404,) * 3, 15, True),
        ((301,) * 3, 15, True),
        ((500,) * 3, 15, True),
        ((404,) * 3, 14, False),  # it may be another's answer until it has settled
        ((500, 404, 404), 99, False),
        ((503,) * 99, 9999, False),
        ((502,) * 99, 9999, False),
        ((504,) * 99, 9999, False),
        ((429,) * 99, 9999, False),
    ],
)
def test_one_and_the_same_wrong_answer_is_sure_and_one_that_says_not_yet_never(
    statuses: tuple[int, ...], reports: int, sure: bool
) -> None:
    text = tail(access="\n".join(map(checked, statuses)))
    found = judgement(text, steady=reports)
    assert found.cause == f"The health check's path /healthz answers {statuses[-1]}"
    assert found.sure is sure


def test_an_answer_that_is_good_again_is_no_cause() -> None:
    assert judge(Evidence(logs=logs.read(tail(access=f"{checked(500)}\n{checked(200)}")), steady=99)) is None


def test_nothing_that_looks_like_a_secret_is_told() -> None:
    said = "RuntimeError: no connection to postgresql://shop:hunter2@db/shop, DB_PASSWORD=hunter2 'api_key': 'hunter2'"
    written = (
        f'Traceback (most recent call last):\n  File "/var/app/current/app.py", line 2, in <module>\n    x()\n{said}'
    )
    found = judged(Diagnosis(causes=(DOWN,)), {"i-1": tail(web=written)}, None)
    assert found.verdict is not None
    assert "hunter2" not in f"{found.verdict} {found.log_tail}"
    assert "RuntimeError in app.py:2: no connection to postgresql://" in found.verdict.cause


def test_the_shown_lines_are_whole_and_own_frames_are_known() -> None:
    found = judged(Diagnosis(causes=(DOWN,)), {"i-1": tail(web=behind_syslog(TRACEBACK))}, None)
    lines = found.log_tail.splitlines()
    assert [line for line in lines if logs.own_place(line)] == [
        '  File "/var/app/current/shop/orders.py", line 3, in <module>'
    ]
    assert "ModuleNotFoundError: No module named 'flask'" in lines


VENV = "/var/app/venv/staging-LQM1lest/lib/python3.11/site-packages"


def frame(path: str, source: str = "", marks: str = "") -> str:
    below = "".join(f"\n    {line}" for line in (source, marks) if line)
    return f'  File "{path}", line 7, in load{below}'


def shown_lines(*parts: str) -> list[str]:
    written = "\n".join(("Traceback (most recent call last):", *parts, "KeyError: 'NAME'", "Worker exiting"))
    return logs.excerpt(written, 40).splitlines()[1:]


def test_frames_of_libraries_are_counted_and_own_ones_are_shown_whole() -> None:
    own = frame("/var/app/current/app.py", 'return settings["NAME"]', "       ~~~~~~~~^^^^^^^^")
    assert shown_lines(
        *[frame(f"{VENV}/gunicorn/util.py", "x()", "^^^")] * 13,
        frame("<frozen importlib._bootstrap>"),
        own,
        frame("/usr/lib64/python3.11/json/__init__.py", "y()"),
        frame(f"{VENV}/yaml/reader.py"),
        frame(f"{VENV}/six.py"),
    ) == [
        "Traceback (most recent call last):",
        "  … 14 frames of gunicorn and Python",
        *own.splitlines(),
        "  … 3 frames of Python, yaml and six",
        "KeyError: 'NAME'",
        "Worker exiting",
    ]


def test_an_own_frame_is_told_with_its_path_in_the_bundle() -> None:
    found = text.diagnosis({"events": [], "causes": [], "log_tail": frame("/x/i-1/current/shop/app.py", "f()")})
    out = io.StringIO()
    Console(file=out, width=40, soft_wrap=True).print(found)
    assert out.getvalue().splitlines()[1:] == ['  >   File "shop/app.py", line 7, in load', "        f()"]
    assert logs.within_bundle(frame(f"{VENV}/six.py")) == frame(f"{VENV}/six.py")


def test_where_no_frame_is_own_the_one_that_raised_stays() -> None:
    last = frame(f"{VENV}/gunicorn/util.py", "raise AppImportError")
    assert shown_lines(frame(f"{VENV}/gunicorn/app.py", "x()"), last) == [
        "Traceback (most recent call last):",
        "  … 1 frame of gunicorn",
        *last.splitlines(),
        "KeyError: 'NAME'",
        "Worker exiting",
    ]
    assert shown_lines(last)[1:3] == last.splitlines()


def test_a_syntax_error_keeps_its_place_and_a_repeated_frame_its_count() -> None:
    assert logs.folded(UNCLOSED.splitlines()[:-1]) == UNCLOSED.splitlines()[:-1]
    repeated = [*frame("/var/app/current/app.py", "f()").splitlines(), "  [Previous line repeated 995 more times]"]
    assert logs.folded(repeated) == repeated
    library = [*frame(f"{VENV}/six.py", "f()").splitlines(), "  [Previous line repeated 995 more times]"]
    assert logs.folded([*library, *repeated]) == ["  … 1 frame of six", *repeated]


# What a gate learns while it waits.


class Candidate:
    """An environment whose health and logs a test says, on a clock that a test turns."""

    def __init__(self, log: str = "") -> None:
        self.clock = MemoryClock()
        self.log, self.asked, self.told = log, 0, list[LogTail]()
        self.instance = InstanceHealth("i-1", "Severe", "Red", (), "v2", "Deployed")
        world = World()
        prober: Any = SimpleNamespace(download=lambda _: self.log)
        services = replace(world.services("v2"), beanstalk=cast(Any, self), prober=prober, clock=self.clock)
        self.suspicion = Suspicion(services, lambda: None, "shop", "shop-prod-r2")
        self.refused = False

    def instances(self, _: str) -> tuple[InstanceHealth, ...]:
        return (self.instance,)

    def instance_count(self, _: str) -> int:
        return 1

    def request_log_tail(self, _: str) -> None:
        if self.refused:
            raise AwsRefused("AWS refused it.", code="AccessDenied")
        self.asked += 1
        self.told.append(LogTail("i-1", NOW + timedelta(seconds=self.asked), "url"))

    def log_tails(self, _: str) -> tuple[LogTail, ...]:
        return tuple(self.told)

    def report(self, *causes: str, color: str = "Red", count: int = 1, status: str = "Deployed") -> None:
        for _ in range(count):
            self.clock.seconds += SAMPLE
            self.instance = replace(self.instance, causes=causes, deployment_status=status)
            sample = Sample(self.clock.now(), "Ready", color, "Severe", ())
            self.suspicion.take(sample, accepted=color == "Green")


def test_a_process_that_stays_down_ends_the_gate_at_its_third_report() -> None:
    candidate = Candidate(tail(web=behind_syslog(TRACEBACK)))
    candidate.report(DOWN, count=2)
    with pytest.raises(SurelyFailed, match="ModuleNotFoundError in shop/orders"):
        candidate.report(DOWN)
    assert candidate.asked == 1


def test_three_ends_of_a_process_end_the_gate_however_long_it_runs_between_them() -> None:
    candidate = Candidate(tail(web=TRACEBACK))
    for _ in range(2):
        candidate.report(DOWN)
        candidate.report(color="Green", count=5)
    with pytest.raises(SurelyFailed, match="ModuleNotFoundError"):
        candidate.report(DOWN)


@pytest.mark.parametrize("sign", ["Worker (pid:21) was sent SIGKILL! Perhaps out of memory?", "WORKER TIMEOUT (pid:9)"])
def test_workers_that_end_three_times_since_the_start_are_sure_and_those_of_another_version_do_not_count(
    sign: str,
) -> None:
    start, line = "[INFO] Starting gunicorn 23.0.0", f"[CRITICAL] {sign}"
    assert judgement(tail(web="\n".join([start, line, line, line]))).sure
    assert judge(Evidence(logs=logs.read(tail(web="\n".join([line, line, line, start, line]))))) is None


def test_a_log_that_is_not_delivered_hides_no_failure() -> None:
    candidate = Candidate()
    candidate.refused = True
    with pytest.raises(SurelyFailed, match="web ends again and again"):
        candidate.report(DOWN, count=3)


def slow_server(candidate: Candidate) -> None:
    candidate.log = tail(proxy="\n".join([REFUSED] * 50))
    candidate.report("ELB health is failing or not available for all instances.", count=60)


def warming_up(candidate: Candidate) -> None:
    candidate.log = tail(access="\n".join([checked(503)] * 50))
    candidate.report("100.0 % of the requests are failing with HTTP 5xx.", count=60)


def migrating(candidate: Candidate) -> None:
    candidate.log = tail(web=TRACEBACK, access="\n".join([checked(500)] * 50))
    candidate.report(DOWN, count=60, status="In Progress")


def ending_twice(candidate: Candidate) -> None:
    candidate.log = tail(web=TRACEBACK)
    for _ in range(2):
        candidate.report(DOWN)
        candidate.report("ELB health is failing or not available for all instances.", count=5)


def waiting_for_its_database(candidate: Candidate) -> None:
    candidate.log = tail(
        web='Traceback (most recent call last):\n  File "/var/app/current/app.py", line 2, in <module>\n    x()\n'
        "psycopg.OperationalError: connection failed: could not connect to server: Connection refused"
    )
    candidate.report(DOWN, count=60)


def failing_for_a_moment(candidate: Candidate) -> None:
    candidate.log = tail(access="\n".join([checked(500)] * 50))
    candidate.report("100.0 % of the requests are failing with HTTP 5xx.", count=14)


@pytest.mark.parametrize(
    "start", [slow_server, warming_up, migrating, ending_twice, waiting_for_its_database, failing_for_a_moment]
)
def test_a_slow_and_good_start_ends_no_gate(start: Any) -> None:
    candidate = Candidate()
    start(candidate)
    candidate.report(color="Green", count=10)
    assert candidate.asked <= 8, "a log tail is asked for seldom: within ten minutes"


def test_events_that_tell_of_a_failed_operation_are_not_waited_behind_for_long() -> None:
    clock = MemoryClock()
    hopeless = Hopeless(cast(Any, SimpleNamespace(clock=clock)))
    assert not hopeless.long(failure("Something else went wrong."))
    clock.seconds += 1000.0
    assert not hopeless.long(DEPLOYMENT)
    clock.seconds += PATIENCE
    assert hopeless.long(DEPLOYMENT)


def test_at_awss_pace_a_crash_loop_ends_a_ship_within_a_minute_of_bad_health_and_not_at_its_timeout() -> None:
    world = World()
    world.ship()
    world.beanstalk.causes = (DOWN,)
    bad = EnvironmentHealth("Red", "Severe", ("ELB health is failing or not available for all instances.",), NO_METRICS)
    began = world.clock.seconds
    world.beanstalk.report = lambda name, at: bad
    with pytest.raises(ReleaseFailed) as failed:
        world.ship()
    assert failed.value.what == "web ends again and again · r1 still serves"
    spent = world.clock.seconds - began
    assert spent < world.durations.processing + world.durations.creation + 60.0, "the timeout is half an hour"
    assert world.stage.timeout >= 1000.0


def test_the_first_line_names_the_cause_and_what_still_serves() -> None:
    plain = ReleaseFailed("The environment e never turned healthy.", why="After 60 s it was Red.", hint="ebcd logs")
    plain.add_note("Beside it: something.")
    diagnosis = Diagnosis(verdict=Verdict("SyntaxError in app.py:9", "Its process web ended.", "Correct it."))
    told = explained(plain, diagnosis, "r1 still serves")
    assert told.what == "SyntaxError in app.py:9 · r1 still serves"
    assert told.why == "Its process web ended. The environment e never turned healthy. After 60 s it was Red."
    assert (told.hint, told.__notes__) == ("Correct it. ebcd logs", ["Beside it: something."])
    sure = SurelyFailed(Verdict("KeyError in app.py:3", "", "Name it."), "e", {}, "ebcd logs")
    assert explained(sure, diagnosis, "r1 still serves").hint == "Name it. ebcd logs"
    unknown = explained(plain, Diagnosis(), "r1 still serves")
    assert unknown.what == "The environment e never turned healthy · r1 still serves"
    hurt = ReleaseFailed("Live stopped answering.", why="/ answered 500.", code="live-hurt")
    assert explained(hurt, diagnosis, "r1 still serves").what == "Live stopped answering · r1 still serves"
