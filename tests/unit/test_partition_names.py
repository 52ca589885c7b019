"""What a stage's CNAME is in each partition."""

from __future__ import annotations

from dataclasses import replace

import pytest
from stages import STAGE, environment

from ebcd.model import Target
from ebcd.release.state.snapshot import default_cname, find_live

CNAMES = {
    "eu-central-1": "shop.eu-central-1.elasticbeanstalk.com",
    "us-gov-west-1": "shop.us-gov-west-1.elasticbeanstalk.com",
    "cn-north-1": "shop.cn-north-1.eb.amazonaws.com.cn",
    "cn-northwest-1": "shop.cn-northwest-1.eb.amazonaws.com.cn",
}


@pytest.mark.parametrize(("region", "cname"), CNAMES.items())
def test_a_live_cname_is_the_one_that_the_region_s_partition_gives(region: str, cname: str) -> None:
    stage = replace(STAGE, region=region, cname="shop", target=Target.AWS)
    live = replace(environment(1, live=True), cname=cname)
    assert default_cname(stage) == cname
    assert find_live(stage, [live]) == live
    elsewhere = next(other for other in CNAMES.values() if other != cname)
    assert find_live(stage, [replace(live, cname=elsewhere)]) is None
