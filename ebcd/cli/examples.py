"""Two examples of each command, or more, as its `--help` shows them: what is typed, and what it does."""

from __future__ import annotations

Example = tuple[str, str]

EXAMPLES: dict[str, tuple[Example, ...]] = {
    "ship": (
        ("ebcd ship", "HEAD, to the default stage"),
        ("ebcd ship v2.1 -s production --plan", "the steps that a tag would take, and nothing else"),
        ("ebcd ship --no-swap -m 'new checkout'", "a proven candidate that waits for ebcd swap"),
    ),
    "rollback": (
        ("ebcd rollback -s production --reason 'r12 loses orders'", "back to the release before, with its reason"),
        ("ebcd rollback -a shop -s production --plan", "from any folder: what it would do"),
    ),
    "swap": (
        ("ebcd swap -s production", "bring the waiting candidate live"),
        ("ebcd swap --to r12 -s production", "bring an earlier release live again"),
    ),
    "publish": (
        ("ebcd publish", "HEAD as an application version"),
        ("ebcd publish v2.1 --json", "a tag, for a program"),
    ),
    "patch": (
        ("ebcd patch -s production --plan", "whether there is a newer platform version, and its steps"),
        ("ebcd patch -s production", "release the live commit on it"),
    ),
    "retire": (
        ("ebcd retire -s production --plan", "which environments have drained"),
        ("ebcd retire -s production", "terminate them"),
    ),
    "prune": (
        ("ebcd prune --plan", "which versions nothing needs"),
        ("ebcd prune --keep 50", "delete them, but for the fifty newest"),
    ),
    "preview": (
        ("ebcd preview up", "an environment for the branch of HEAD"),
        ("ebcd preview list", "those that there are"),
    ),
    "preview up": (
        ("ebcd preview up", "an environment for the branch of HEAD"),
        ("ebcd preview up --ttl 8h -s staging", "for eight hours, made like the stage staging"),
    ),
    "preview list": (
        ("ebcd preview list", "the previews, and how long each lives yet"),
        ("ebcd preview list -a shop -s staging --json", "from any folder, for a program"),
    ),
    "preview down": (
        ("ebcd preview down", "end that of this branch"),
        ("ebcd preview down --expired", "end all whose time has passed"),
    ),
    "status": (
        ("ebcd status -s production", "what is live, and whether a rollback is ready"),
        ("ebcd status --watch", "the same, drawn anew while things change"),
    ),
    "releases": (
        ("ebcd releases --limit 5", "the five newest"),
        ("ebcd releases r12 -s production", "one of them, whole"),
    ),
    "diff": (
        ("ebcd diff -s production", "what the last release brought"),
        ("ebcd diff r10 HEAD", "what would be new since r10"),
    ),
    "events": (
        ("ebcd events --follow", "live's events, as they come"),
        ("ebcd events --env candidate --limit 100", "the last hundred of the candidate"),
    ),
    "health": (
        ("ebcd health -s production", "how live does"),
        ("ebcd health --env candidate --json", "the candidate, for a program"),
    ),
    "logs": (
        ("ebcd logs --lines 500", "the last lines of live's logs"),
        ("ebcd logs --follow --env candidate", "the candidate's, as they come"),
    ),
    "open": (
        ("ebcd open", "the live URL in a browser"),
        ("ebcd open --env candidate --json", "the candidate's URL, for a program"),
    ),
    "lock": (
        ("ebcd lock -s production", "who holds it"),
        ("ebcd lock --break --reason 'its run is gone' -s production", "take it from a run that died"),
    ),
    "hold": (
        ("ebcd hold --reason 'r12 loses orders' -s production", "no ship until ebcd unhold"),
        ("ebcd rollback --hold --reason 'r12 loses orders'", "the same together with a rollback"),
    ),
    "unhold": (
        ("ebcd unhold -s production", "let ships through again"),
        ("ebcd unhold -a shop -s production", "from any folder"),
    ),
    "abort": (
        ("ebcd abort -s production", "stop the run that is at work, in order"),
        ("ebcd abort --reason 'wrong tag' -s production", "the same, with a reason for the record"),
    ),
    "wait": (
        ("ebcd wait -s production", "until no run changes the stage"),
        ("ebcd wait --timeout 5m", "for five minutes at most"),
    ),
    "init": (
        ("ebcd init", "write ebcd.toml for this repository"),
        ("ebcd init --print", "show it, and write nothing"),
    ),
    "bundle": (
        ("ebcd bundle --list", "each path, and why it is in or out"),
        ("ebcd bundle v2.1 -o bundle.zip", "write the bundle of a tag"),
    ),
    "check": (
        ("ebcd check", "the work tree, as it is"),
        ("ebcd check v2.1 -s production", "a tag, with a stage's settings"),
    ),
    "doctor": (
        ("ebcd doctor -s production", "what would stop a ship"),
        ("ebcd doctor -s production --profile work --json", "with a profile, for a program"),
    ),
    "bootstrap": (
        ("ebcd bootstrap --repository acme/shop --print", "the template, and nothing else"),
        ("ebcd bootstrap --no-github -s production", "the roles of the instances alone"),
    ),
    "local": (
        ("ebcd local up", "start it; `ebcd ship` does that by itself"),
        ("ebcd local status", "where it is, and what it runs"),
    ),
    "eb": (
        ("ebcd eb -- health", "eb health of the live environment"),
        ("ebcd eb --env candidate -- ssh", "a shell on the candidate's instance"),
    ),
    "help": (
        ("ebcd help ship", "a command and its examples"),
        ("ebcd help preview up", "a command of a group"),
    ),
}
