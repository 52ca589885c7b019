"""Every command that ebcd prints works as printed, from an empty folder and from another project's.

The commands are read out of ebcd's sources, and each is run for real on a product made for it: one that is new there is
run here, too. A value that a source fills in and nobody has named here fails the test.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from printed import commands, parses
from printed_sources import ebcd_commands
from products import Product, run_ebcd, running_cloud

FOREIGN = """
application = "blog"
default_stage = "production"
[stages.production]
cname = "blog"
platform = "Python 3.11 running on 64bit Amazon Linux 2023"
[stages.local]
target = "local"
url = "https://nowhere.example.com"
"""
ORDER = (
    "ship --no-swap",
    "swap",
    "swap --rollback",
    "swap --to",
    "releases",
    "status",
    "events",
    "logs",
    "lock",
    "wait",
    "doctor",
    "bootstrap",
    "hold",
    "unhold",
    "lock --break",
    "abort",
    "check",
    "ship",
    "patch",
    "preview up",
    "preview list",
    "preview down",
    "prune",
    "retire",
)
"""The commands about a stage, in the order in which each finds something to do: a way back comes after a swap."""
EXIT_CODES = {
    ("events", "--follow"): 130,  # it ends with a signal
    ("bootstrap", "--no-github"): 3,  # it asks on a terminal, and here is none
}
"""What a command ends with that does not end with 0."""


@pytest.fixture(params=["empty", "other"])
def elsewhere(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """An empty folder, or another project's repository."""
    folder = tmp_path / str(request.param)
    folder.mkdir()
    if request.param == "other":
        (folder / "ebcd.toml").write_text(FOREIGN)
        subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    return folder


@dataclass(frozen=True)
class Values:
    """What stands for the values that sources fill in."""

    product: Product

    def __call__(self, name: str) -> str:
        product = self.product
        live = f"{product.name}-local-r2"
        known = {
            "flags": f"-a {product.name} -s local",
            "config": f"--config {product.folder / 'ebcd.toml'}",
            "application": product.name,
            "LOCAL": "local",
            "environment": live,
            "candidate": live,
            "name": live,
            "release": "r3",
            "release_name": "r3",
            "every": "5",
            "sha": "HEAD",
            "rev": "HEAD",
            "branch": "fix",
            "base": "local",
            "why": "'it was taken back'",
        }
        return known.get(name, f"NOBODY-KNOWS-{name}")


def about_a_stage(product: Product) -> list[list[str]]:
    """The commands about a stage, each once, as they are printed of a product, in the order of their kinds."""
    found = {tuple(words) for _, words in ebcd_commands(Values(product)) if "-s" in words and product.name in words}
    kinds = {kind_of(words) for words in found}
    assert kinds == set(ORDER), f"no order is known of {kinds - set(ORDER)}, nothing prints {set(ORDER) - kinds}"
    return sorted((list(words) for words in found), key=lambda words: (ORDER.index(kind_of(words)), words))


def kind_of(words: tuple[str, ...] | list[str]) -> str:
    """The longest of the kinds that a command begins with."""
    line = " ".join(words[1:])
    return max((kind for kind in ORDER if f"{line} ".startswith(f"{kind} ")), key=len, default=line)


def ready_for(product: Product, kind: str) -> None:
    """Give a kind of command something to do."""
    if kind in {"ship --no-swap", "ship"}:
        product.commit(kind)
    if kind == "lock --break":
        hold_the_lock(product)
    if kind == "patch":
        product.cloud.control("POST", "platforms", python="3.11", version="4.10.0")
    if kind == "preview up":
        product.git("checkout", "-q", "-b", "fix")


def hold_the_lock(product: Product) -> None:
    """Let a run that is killed leave the stage's lock behind."""
    product.cloud.control("POST", "faults", kind="stall", place="CreateEnvironment", seconds=30)
    product.commit("killed")
    command = [sys.executable, "-m", "ebcd", "ship"]
    with subprocess.Popen(
        command, cwd=product.folder, env=product.cloud.environ, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stderr is not None
        assert any("create the environment" in line for line in run.stderr)
        run.kill()
    product.cloud.control("DELETE", "faults")


@pytest.fixture
def product(product: Product) -> Iterator[Product]:
    """Two releases, the second one live; platform versions may be published."""
    for text in ("one", "two"):
        product.commit(text)
        assert product.ebcd("ship").returncode == 0
    yield product
    product.cloud.control("DELETE", "platforms")


def test_every_command_about_a_stage_does_what_it_says(product: Product, elsewhere: Path) -> None:
    ready = set[str]()
    for words in about_a_stage(product):
        kind = kind_of(words)
        if kind not in ready:
            ready_for(product, kind)
            ready.add(kind)
        assert not any("NOBODY-KNOWS" in word for word in words), words
        assert parses(words), words
        code, said = run(product, elsewhere, words)
        expected = next((code for start, code in EXIT_CODES.items() if tuple(words[1:])[: len(start)] == start), 0)
        if "--print" in words:
            expected = 0
        assert code == expected, f"{' '.join(words)}\n{said}"
        assert "nowhere.example.com" not in said
    kept = product.json("releases", "--limit", "50")["releases"]
    outcomes = {item["release"]: item["outcome"] for item in kept}
    assert outcomes["r3"] == "superseded", "a swap, a way back and the way forward: what was printed did it"
    assert product.json("preview", "list", "-s", "local")["previews"] == []
    assert product.json("status")["hold"] is None


INCOMPLETE = ("ebcd/init/workflows.py", "ebcd/init/text.py")
"""Comments in files that `init` writes, whose stage is one on AWS."""
SENTENCE = {"finds", "or", "shows"}
"""Words of the sentences that such commands begin."""
OF_EB = {"prune", "publish", "releases", "retire", "ship", "swap"}
"""What `ebcd eb` says in the place of commands of eb, in the folder of the application."""


def test_every_command_about_a_folder_works_in_it(product: Product) -> None:
    found = [
        [word for word in words if word not in SENTENCE]
        for place, words in ebcd_commands(Values(product))
        if "-s" not in words and words[1] not in {"local", "eb"} and not place.startswith(INCOMPLETE)
    ]
    assert {words[1] for words in found} == {"bundle", "check", "doctor", "init", *OF_EB}
    product.commit("three")
    first, last = [["ebcd", "ship", "--no-swap"], ["ebcd", "swap"]], [words for words in found if words[1] == "init"]
    rest = [words for words in found if words not in first and words not in last]
    for words in [*first, *(list(item) for item in sorted(set(map(tuple, rest)))), *last]:
        assert parses(words), words
        done = product.ebcd(*words[1:])
        assert done.returncode == 0, f"{' '.join(words)}\n{done.stderr}"


LOCAL = {
    "status": (),
    "env": (),
    "logs": (),
    "platform": (),
    "fault": ("throttle", "DescribeEnvironments"),
    "psql": (),
    "down": (),
    "up": (),
    "reset": ("--yes",),
}
"""The commands of the local Beanstalk in an order in which each finds what it is about, and what is said with them."""


def test_every_command_of_the_local_beanstalk_works_from_anywhere(elsewhere: Path) -> None:
    found = {words[2].rstrip("`") for _, words in ebcd_commands(str.upper) if words[1] == "local" and len(words) > 2}
    assert found == set(LOCAL)
    with running_cloud() as own:
        for name, more in LOCAL.items():
            done = run_ebcd("local", name, *more, folder=elsewhere, environ=own.environ)
            expected = 2 if name == "psql" else 0  # no environment has a database
            assert done.returncode == expected, f"{name}: {done.stderr}"


def run(product: Product, folder: Path, words: list[str]) -> tuple[int, str]:
    """A command's exit code, and what it said. One that never ends gets a signal."""
    if "--follow" not in words:
        done = product.ebcd(*words[1:], folder=folder)
        return done.returncode, done.stdout + done.stderr
    command = [sys.executable, "-m", "ebcd", *words[1:]]
    with subprocess.Popen(
        command, cwd=folder, env=product.cloud.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as following:
        assert following.stdout is not None
        said = following.stdout.readline()
        following.send_signal(signal.SIGINT)
        return following.wait(10), said


def test_a_stage_of_another_name_is_found_by_its_endpoint(product: Product, elsewhere: Path) -> None:
    text = product.configuration() + '\n[stages.staging]\ntarget = "local"\ncname = "' + product.name + '-st"\n'
    product.commit("one", **{"ebcd.toml": text})
    assert product.ebcd("ship", "-s", "staging").returncode == 0
    product.commit("two")
    done = product.ebcd("ship", "-s", "staging")
    (undo,) = [item for item in commands(done.stdout) if item[1] == "swap"]
    assert {"--region", "--endpoint-url"} <= set(undo)
    assert run(product, elsewhere, undo)[0] == 0


@pytest.mark.parametrize("elsewhere", ["other"], indirect=True)
def test_another_projects_commits_are_not_shipped(product: Product, elsewhere: Path) -> None:
    done = product.ebcd("ship", "-a", product.name, "-s", "local", folder=elsewhere)
    assert done.returncode == 2
    assert "are those of the application blog" in done.stderr
