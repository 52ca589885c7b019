"""Where a fault may strike: operations that there are, and environments. A place that there is not is no fault."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Iterable, Sequence
from functools import cache

from ebcd_local.faults import WITHIN, Kind

LAGGING = ("DescribeApplicationVersions", "DescribeApplications", "DescribeEnvironments", "DescribeEvents")
"""Reads that a lag may be of."""
SERVICES = ("elasticbeanstalk", "s3", "sts", "iam", "ec2", "cloudwatch", "cloudformation", "autoscaling", "elbv2")
"""Services that clients of the local Beanstalk call."""
OF_AN_ENVIRONMENT = frozenset({Kind.LAUNCH, Kind.DISK, Kind.DENIED})


def wrong_place(kind: Kind, place: str) -> str:
    """Why a fault of that kind would never strike there, in a sentence; empty where it may."""
    if kind in OF_AN_ENVIRONMENT:
        return ""
    names = LAGGING if kind in WITHIN else operations()
    wanted = place.rpartition(":")[2] if kind in WITHIN else place
    if any(fnmatch.fnmatchcase(name, wanted) for name in names):
        return ""
    near = nearest(wanted, (name for name in names if (":" in name) == (":" in wanted)))
    meant = f" Did you mean {near}?" if near else ""
    return f"{'No lag is of' if kind in WITHIN else 'No service has'} the operation {place}.{meant}"


def nearest(word: str, names: Iterable[str]) -> str:
    """The name that is most like a word, in whatever letters; empty where none is."""
    known = {name.lower(): name for name in names}
    found = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return known[found[0]] if found else ""


@cache
def operations() -> Sequence[str]:
    """The names of operations, alone and behind their service, as clients call it and as it is signed for: `PutObject`,
    `s3:PutObject`, `monitoring:ListMetrics`.
    """
    from botocore.session import Session

    session = Session()
    found: set[str] = set()
    for service in SERVICES:
        model = session.get_service_model(service)
        for name in model.operation_names:
            found |= {name, f"{service}:{name}", f"{model.signing_name}:{name}"}
    return sorted(found)
