"""What AWS, servers, shells and installers write where a release fails, and what helps. Pure."""

from __future__ import annotations

import re

NOT_RUNNING = re.compile(r"Following services are not running: ([^.]+)")
FINAL = re.compile(
    r"Instance deployment failed|Command failed on instance|Unsuccessful command execution on instance"
    r"|did not pass health check after command execution|have not responded in the allowed command timeout"
    r"|Failed to (?:deploy|launch)|Create environment operation is complete, but with errors"
)
"""Events behind which nothing more of an operation succeeds."""
GENERAL = re.compile(
    rf"{FINAL.pattern}|Engine execution has encountered an error|Environment health has transitioned"
    r"|During an aborted deployment|Command execution completed"
)
"""Events that say that it failed, and not why."""
OUTPUT = re.compile(r"\[Instance: \S+\] Command failed on instance\. Return code: \d+ Output: (.+)", re.DOTALL)
STOPPED = re.compile(r"An error occurred during execution of command \[\S+\] - \[([^\]]+)\]\..*?Error: (.*)", re.DOTALL)
BUILD = re.compile(r"Error occurred during build: Command (\S+) failed")
ENGINE = re.compile(r"\d{4}/\d\d/\d\d ")
"""How the engine's own lines begin."""
HOOK = re.compile(r"(\.platform/\S+)")
LACKING = re.compile(
    r"(?:No matching distribution found for|satisfies the requirement|and you require|there is no version of)\s+"
    r"([^\s,(]+)"
)
"""What pip and uv say of a requirement that nothing meets."""
REFUSED = re.compile(r'Connection refused\) while connecting to upstream.*upstream: "http://[^/"]*?:(\d+)')
LISTENS = re.compile(
    r"(?i)(?:listening (?:at|on)|running on|serving on|starting development server at)\D*?//[^\s/]*?:(\d{2,5})\b"
)
CHECKED = re.compile(r'"[A-Z]+ (\S+) HTTP/[\d.]+" (\d{3}) .*"ELB-HealthChecker')
NOT_YET = frozenset({408, 425, 429, 502, 503, 504})
"""Answers of what is not ready."""
WAITS = re.compile(r"Connection|Timeout|Operational|gaierror|Unavailable|NotReady")
"""Exceptions of a process that misses something which may come: a database, a name."""
DISK = re.compile(r"(?i)no space left on device")
MEMORY = re.compile(r"Perhaps out of memory|Out of memory: Killed|^MemoryError|Cannot allocate memory")
TIMED_OUT = re.compile(r"WORKER TIMEOUT")
SIGNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"Failed to find attribute '([^']+)' in '([^']+)'"), "{1} has no object {0!r}"),
    (re.compile(r'Attribute "([^"]+)" not found in module "([^"]+)"'), "{1} has no object {0!r}"),
    (re.compile(r'Could not import module "([^"]+)"'), "There is no module {0!r}"),
    (re.compile(r"sh: (?:line \d+: |\d+: )?([^:]+): (?:command )?not found"), "There is no command {0!r}"),
    (re.compile(r"sh: (?:line \d+: |\d+: )?([^:]+): Permission denied"), "{0} may not be executed"),
    (re.compile(r"Address already in use|\[Errno 98\]"), "The port is taken by another process"),
)
"""What servers and shells write about a start that cannot succeed."""
NOISE = re.compile(r"^\[[^\]]*\] \[\d+\] \[(?:INFO|DEBUG|ERROR)\] |^INFO:|^\s*$|^\s*at ")
"""Lines of servers that tell nothing of a cause."""

LARGER_DISK = "Take a larger RootVolumeSize, or bundle less."
LARGER_INSTANCE = "Take a larger InstanceTypes, or fewer workers."
TIMEOUT = "Do less before the application answers, or give gunicorn a longer --timeout."
LISTEN = "Let the server take its port from PORT; a slow start needs a longer timeout."
OTHER_PATH = "Name a path that answers 200 as its Application Healthcheck URL, or correct the route."
