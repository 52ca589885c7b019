"""A stage on a local Beanstalk that was told another domain."""

from __future__ import annotations

from dataclasses import replace

import pytest
from stages import STAGE

from ebcd.model import Target
from ebcd.release.state.snapshot import default_cname, live_cnames


@pytest.mark.parametrize("domain", ["elasticbeanstalk.localhost", "elasticbeanstalk.com", "eb.test"])
def test_the_live_cname_ends_in_the_servers_domain(domain: str) -> None:
    stage = replace(STAGE, target=Target.LOCAL, local_domain=domain)
    assert default_cname(stage) == f"{stage.cname}.{stage.region}.{domain}"
    assert default_cname(stage) in live_cnames(stage.cname, stage.region, domain)
