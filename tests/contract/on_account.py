"""`make test-aws` and `make clean-aws`: the contract tried on an account, and what cut-off runs left on it removed.

EBCD_TEST_AWS=1 says that it may cost; credentials and region are boto3's own variables. EBCD_TEST_AWS_ENDPOINT, or
AWS_ENDPOINT_URL, leads to a local Beanstalk in the account's place.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import leftovers
import pytest
from account import PREFIX, RUN, TAG, Account, new_run, of_environ, region_of
from beliefs import PAGE, ROOT, beliefs
from botocore.exceptions import BotoCoreError, ClientError
from ground import NoNetwork, network
from report import Outcomes, Report

from ebcd.errors import EbcdError

REPORTS = Path("build/contract")
"""Where reports are written, below the folder that it is called in."""
PYTEST = ("-c", str(ROOT / "pyproject.toml"), "-m", "row", "-p", "no:cacheprovider", "-s", "-v")
ENVIRONMENTS = 3
HOURS = 0.5
"""About how long a run takes, most of which AWS launches, updates and ends environments."""
T3_MICRO, IPV4, VOLUME = 0.0104, 0.005, 0.08
"""US$: an hour of a t3.micro, of its public address; a month of a gigabyte of its gp3 volume. Of us-east-1, from AWS's
price list, 2026-07 to 2026-09."""
FAILED, USAGE, INTERRUPTED = 1, 2, 130


def plan(account: Account, identity: str) -> str:
    """What a run creates, and about what that costs."""
    cost = ENVIRONMENTS * (T3_MICRO + IPV4) * HOURS
    return f"""The contract with AWS, run {account.run}: region {account.region}, account {identity}
It creates, under names that begin with {account.name} and, where AWS takes tags, with the tag {TAG}={account.run}:
  - an application with some versions, and about 14 MB in the region's default bucket (which is made where there is
    none, and stays);
  - the stack ebcd-{account.name}: an instance profile and a service role, which cost nothing;
  - {ENVIRONMENTS} environments of one t3.micro each, two for the web and a worker, in the default VPC.
It takes about {HOURS:g} h and costs about ${cost:.2f}: {ENVIRONMENTS} times ${T3_MICRO} an hour for the instance and
${IPV4} for its address, for {HOURS:g} h; and for each gigabyte of an instance's volume ${VOLUME} a month, which is
${VOLUME / 730:.5f} an hour. These are prices of us-east-1 from AWS's price list, 2026-07 to 2026-09; other regions have
others, and requests are not counted.
At its end all of it is removed, also after Ctrl-C. After a kill: make clean-aws RUN={account.run}
"""


def run() -> int:
    """Try the contract; the exit code."""
    if os.environ.get("EBCD_TEST_AWS") != "1":
        say("It creates environments on an AWS account and costs a few cents. To let it: EBCD_TEST_AWS=1 make test-aws")
        return USAGE
    account = of_environ(new_run())
    identity = account.client("sts").get_caller_identity()
    network(account)
    say(plan(account, f"{identity['Account']} as {identity['Arn']}"))
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a cancelled job cleans up, too
    os.environ |= {RUN: account.run, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    outcomes = Outcomes()
    try:
        code = pytest.main([*PYTEST, str(Path(__file__).parent)], plugins=[outcomes])
    finally:
        clean = _cleaned(account)
    report = Report(account.run, account.region, outcomes, beliefs(PAGE.read_text()), clean)
    say(f"\n{report.text}\n{report.write(REPORTS)}")
    account.close()
    if code == pytest.ExitCode.INTERRUPTED:
        return INTERRUPTED
    return 0 if code == pytest.ExitCode.OK and clean else FAILED


def _cleaned(account: Account) -> bool:
    """Remove what the run has made; whether that was done to its end."""
    say(f"\nRemoving what run {account.run} made.")
    try:
        leftovers.remove(account, say)
    except (AssertionError, BotoCoreError, ClientError, EbcdError, KeyboardInterrupt) as error:
        say(f"Not all of it is removed: {error or 'interrupted'}\nGo on with: make clean-aws RUN={account.run}")
        return False
    return True


def clean(run_id: str) -> int:
    """Remove what runs left: one run, or all where none is named; the exit code."""
    finder = of_environ(run_id or new_run())
    found = [run_id] if run_id else leftovers.runs(finder)
    finder.close()
    if not found:
        say(f"No application in {finder.region} is called {PREFIX}…: nothing is left.")
    accounts = [of_environ(item) for item in found]
    cleaned = [_cleaned(account) for account in accounts]
    for account in accounts:
        account.close()
    return 0 if all(cleaned) else FAILED


def say(text: str) -> None:
    """Print at once: what is under way takes minutes."""
    print(text, flush=True)


def main(words: list[str]) -> int:
    """`run`, or `clean` and maybe a run's id."""
    if not region_of(os.environ):
        say("No region is set: AWS_REGION=eu-central-1, for example.")
        return USAGE
    try:
        return run() if words[0] == "run" else clean("".join(words[1:]))
    except (BotoCoreError, ClientError, EbcdError, NoNetwork) as error:
        say(f"{error}\nNothing was created.")
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
