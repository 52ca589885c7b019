"""The official `eb`, unchanged: its commands, and what is served behind them.

Each of its commands waits for events that it asks for every five seconds, which `quick/sitecustomize.py` divides as the
server's times are, and its journeys go at the same time.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from shell import PLATFORM, REGION, ROOT, Client

TELLING = """
import os

def application(_, start):
    start("200 OK", [])
    return [" ".join(os.environ.get(f"RDS_{name}", "") for name in ("DB_NAME", "USERNAME", "PASSWORD")).encode()]
"""


def eb(client: Client, folder: Path, *words: str, ok: bool = True, answer: str = "") -> str:
    return client.run("eb", *words, cwd=folder, ok=ok, answer=answer)


def init(client: Client, folder: Path, application: str) -> None:
    said = eb(client, folder, "init", application, "-p", PLATFORM, "-r", REGION)
    assert f"Application {application} has been created." in said


def a_flask_application_without_a_procfile_from_init_to_terminate(client: Client) -> None:
    folder = client.repository("plain")
    init(client, folder, "plain")
    assert "Successfully launched environment: plain-one" in eb(
        client, folder, "create", "plain-one", "--cname", "plain-one", "--envvars", "COLOR=red", "--timeout", "2"
    )
    assert client.get("plain-one") == (200, "one red")
    status = eb(client, folder, "status", "plain-one")
    assert "Status: Ready" in status
    assert "Health: Green" in status
    client.commit(folder, "two")
    assert "Environment update completed successfully." in eb(client, folder, "deploy", "plain-one", "--timeout", "2")
    assert client.get("plain-one") == (200, "two red")
    eb(client, folder, "setenv", "COLOR=blue", "-e", "plain-one")
    assert client.get("plain-one") == (200, "two blue")
    assert "COLOR = blue" in eb(client, folder, "printenv", "plain-one")
    assert "Successfully launched environment" in eb(client, folder, "events", "plain-one")
    logs = eb(client, folder, "logs", "plain-one")
    assert "Listening at: http://127.0.0.1:" in logs
    eb(client, folder, "terminate", "plain-one", "--force", "--timeout", "2")
    assert client.get("plain-one")[0] == 404


def a_clone_takes_over_by_a_swap(client: Client) -> None:
    folder = client.repository("cloned")
    init(client, folder, "cloned")
    eb(client, folder, "create", "cloned-one", "--cname", "cloned-live", "--envvars", "COLOR=red", "--timeout", "2")
    eb(client, folder, "clone", "cloned-one", "-n", "cloned-two", "--cname", "cloned-next", "--exact", "--timeout", "2")
    assert client.get("cloned-next") == (200, "one red"), "with version and settings"
    client.commit(folder, "two")
    eb(client, folder, "deploy", "cloned-two", "--timeout", "2")
    assert [client.get(name)[1] for name in ("cloned-live", "cloned-next")] == ["one red", "two red"]
    assert "Completed swapping CNAMEs" in eb(client, folder, "swap", "cloned-one", "--destination_name", "cloned-two")
    assert [client.get(name)[1] for name in ("cloned-live", "cloned-next")] == ["two red", "one red"]
    listed = eb(client, folder, "list")
    assert {"cloned-one", "cloned-two"} <= set(listed.replace("*", " ").split())
    eb(client, folder, "terminate", "--all", "--force", "--timeout", "2")
    assert client.get("cloned-live")[0] == 404


def saved_configurations_sizes_tags_and_versions(client: Client) -> None:
    folder = client.repository("saved")
    init(client, folder, "saved")
    eb(
        client,
        folder,
        "create",
        "saved-one",
        "--cname",
        "saved-one",
        "--envvars",
        "COLOR=red",
        "--tags",
        "team=a",
        "--timeout",
        "2",
    )
    eb(client, folder, "config", "save", "saved-one", "--cfg", "first")
    saved = folder / ".elasticbeanstalk" / "saved_configs" / "first.cfg.yml"
    assert "COLOR: red" in saved.read_text()
    saved.write_text(saved.read_text().replace("COLOR: red", "COLOR: green"))
    eb(client, folder, "config", "put", "first")
    assert "first" in eb(client, folder, "config", "list")
    eb(client, folder, "config", "saved-one", "--cfg", "first", "--timeout", "2")
    assert client.get("saved-one") == (200, "one green")
    eb(client, folder, "scale", "3", "saved-one", "--timeout", "2")
    health = client.aws(
        "elasticbeanstalk", "describe-instances-health", "--environment-name", "saved-one", "--attribute-names", "All"
    )
    assert len(health["InstanceHealthList"]) == 3
    eb(client, folder, "tags", "saved-one", "--add", "owner=b")
    listed = eb(client, folder, "tags", "saved-one", "--list")
    assert "owner" in listed
    assert "team" in listed
    versions = client.aws("elasticbeanstalk", "describe-application-versions", "--application-name", "saved")
    label = versions["ApplicationVersions"][0]["VersionLabel"]
    assert "saved-one" in eb(client, folder, "appversion", "--delete", label, ok=False, answer="y\n")
    eb(client, folder, "appversion", "--create", "--label", "spare")
    eb(client, folder, "appversion", "--delete", "spare", answer="y\n")
    left = client.aws("elasticbeanstalk", "describe-application-versions", "--application-name", "saved")
    assert [item["VersionLabel"] for item in left["ApplicationVersions"]] == [label]
    eb(client, folder, "terminate", "saved-one", "--force", "--timeout", "2")


def health_and_abort(client: Client) -> None:
    folder = client.repository("aborted")
    init(client, folder, "aborted")
    eb(client, folder, "create", "aborted-one", "--cname", "aborted-one", "--timeout", "2")
    health = eb(client, folder, "health", "aborted-one", "--view", "status")
    assert "Ok" in health
    option = "Namespace=aws:elasticbeanstalk:command,OptionName=DeploymentPolicy,Value=TrafficSplitting"
    client.aws(
        "elasticbeanstalk", "update-environment", "--environment-name", "aborted-one", "--option-settings", option
    )
    client.until(lambda: "Status: Ready" in eb(client, folder, "status", "aborted-one"))
    client.commit(folder, "two")
    eb(client, folder, "deploy", "aborted-one", "--nohang")
    deadline = time.monotonic() + 20
    while "Aborting" not in (said := client.run("eb", "abort", "aborted-one", cwd=folder, ok=True)):
        assert time.monotonic() < deadline, said
        time.sleep(0.3)
    client.until(lambda: "Status: Ready" in eb(client, folder, "status", "aborted-one"))
    assert client.get("aborted-one")[1].strip() == "one"
    eb(client, folder, "terminate", "aborted-one", "--force", "--nohang")


def a_processed_version_labs_platforms_and_a_restoration(client: Client) -> None:
    folder = client.repository("restored")
    init(client, folder, "restored")
    eb(client, folder, "create", "restored-one", "--cname", "restored-one", "--envvars", "COLOR=red", "--timeout", "2")
    client.commit(folder, "two")
    said = eb(client, folder, "deploy", "restored-one", "-p", "--timeout", "2")
    assert "Environment update completed successfully." in said
    assert client.get("restored-one") == (200, "two red")
    assert "Application version downloaded to:" in eb(client, folder, "labs", "download", "restored-one")
    assert "applicationName=restored" in eb(client, folder, "labs", "quicklink", "restored-one")
    assert "No application versions to delete" in eb(client, folder, "labs", "cleanup-versions", "--force")
    assert "python-3.11" in eb(client, folder, "platform", "list")
    found = client.aws("elasticbeanstalk", "describe-environments", "--environment-names", "restored-one")
    eb(client, folder, "terminate", "restored-one", "--force", "--timeout", "2")
    said = eb(client, folder, "restore", found["Environments"][0]["EnvironmentId"])
    assert "Successfully launched environment: restored-one" in said
    assert client.get("restored-one") == (200, "two red")
    eb(client, folder, "terminate", "restored-one", "--force", "--nohang")


def a_database_is_coupled_or_refused(client: Client) -> None:
    folder = client.repository("stored", **{"application.py": TELLING})
    init(client, folder, "stored")
    database = ("-db", "-db.user", "shopper", "-db.pass", "secretword", "--timeout", "3")
    said = eb(client, folder, "create", "stored-one", *database, "-db.engine", "mysql", ok=False)
    assert "DBEngine mysql cannot be met" in said
    eb(client, folder, "create", "stored-one", "--cname", "stored-one", *database, "-db.engine", "postgres")
    assert client.get("stored-one") == (200, "ebdb shopper secretword")
    assert "secretword" not in eb(client, folder, "printenv", "stored-one")
    eb(client, folder, "terminate", "stored-one", "--force", "--timeout", "2")


def the_sample_application(client: Client) -> None:
    folder = client.repository("sampled")
    init(client, folder, "sampled")
    eb(client, folder, "create", "sampled-one", "--cname", "sampled-one", "--sample", "--timeout", "2")
    status, page = client.get("sampled-one")
    assert status == 200
    assert "sample application" in page.lower()
    eb(client, folder, "terminate", "sampled-one", "--force", "--nohang")


def this_repository(client: Client) -> None:
    folder = client.home / "repository"
    folder.mkdir()
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, files.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    client.git(folder, "init", "-q", "-b", "main")
    client.commit(folder, "one")
    init(client, folder, "itself")
    eb(client, folder, "create", "itself-one", "--cname", "itself-one", "--timeout", "3")
    assert client.get("itself-one", "/healthz")[0] == 200
    eb(client, folder, "clone", "itself-one", "-n", "itself-two", "--cname", "itself-two", "--exact", "--timeout", "3")
    client.commit(folder, "two")
    eb(client, folder, "deploy", "itself-two", "--timeout", "3")
    eb(client, folder, "swap", "itself-one", "--destination_name", "itself-two")
    assert "itself-one.eu-central-1" in eb(client, folder, "status", "itself-two")
    assert [client.get(name, "/healthz")[0] for name in ("itself-one", "itself-two")] == [200, 200]
    assert "Ok" in eb(client, folder, "health", "itself-two", "--view", "status")
    assert "Completed swapping CNAMEs" in eb(client, folder, "events", "itself-two")
    log = "/aws/elasticbeanstalk/itself-two/var/log/web.stdout.log"
    assert "Listening at" in eb(client, folder, "logs", "itself-two", "--log-group", log), "it streams its logs"
    eb(client, folder, "terminate", "--all", "--force", "--timeout", "3")
    assert client.get("itself-one", "/healthz")[0] == 404


JOURNEYS = {
    journey.__name__: journey
    for journey in (
        a_flask_application_without_a_procfile_from_init_to_terminate,
        a_clone_takes_over_by_a_swap,
        saved_configurations_sizes_tags_and_versions,
        health_and_abort,
        a_processed_version_labs_platforms_and_a_restoration,
        a_database_is_coupled_or_refused,
        the_sample_application,
        this_repository,
    )
}


def test_the_official_eb(client: Client) -> None:
    with ThreadPoolExecutor(max_workers=len(JOURNEYS)) as pool:
        going = {name: pool.submit(journey, client) for name, journey in JOURNEYS.items()}
    failures = []
    for name, journey in going.items():
        if (failure := journey.exception()) is not None:
            failure.add_note(f"on the journey {name}")
            failures.append(failure)
    if failures:
        raise BaseExceptionGroup("eb", failures)
