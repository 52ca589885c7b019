"""CNAMEs under another domain, for clients that insist on AWS's."""

from __future__ import annotations

import argparse
import json

import pytest
from running import bundle, running
from test_daemon import request

from ebcd_local import arguments


def test_cnames_end_in_the_domain_and_the_load_balancer_routes_them() -> None:
    with running("--domain", "elasticbeanstalk.com") as server:
        eb = server.client("elasticbeanstalk")
        found = eb.check_dns_availability(CNAMEPrefix="other-live")
        assert found["FullyQualifiedCNAME"] == "other-live.eu-central-1.elasticbeanstalk.com"
        server.publish("other", "v1", bundle())
        server.launch("other", "other-one", "v1", prefix="other-live")
        assert server.describe("other-one")["CNAME"] == found["FullyQualifiedCNAME"]
        for host in (found["FullyQualifiedCNAME"], f"tenant.{found['FullyQualifiedCNAME']}"):
            assert request(server.told["proxy_url"], host=host)[0] == 200
        assert "domain         elasticbeanstalk.com" in server.run("status").stdout
        assert json.loads(server.run("status", "--json").stdout)["domain"] == "elasticbeanstalk.com"
        refused = json.loads(server.run("up", "--domain", "example.test", "--json").stdout)["error"]
        assert refused["code"] == "another-domain"
        assert server.run("up", "--domain", "elasticbeanstalk.com").returncode == 0
        server.run("down")
        assert json.loads(server.run("up", "--json").stdout)["domain"] == "elasticbeanstalk.com", "as before"
        server.until("other-one", lambda item: item["Status"] == "Ready")


@pytest.mark.parametrize("text", ["", "a b", "-a.com", "a..b", "http://a.com", "a.com/x", "a" * 64])
def test_what_is_no_domain_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no domain"):
        arguments.domain(text)


def test_a_domain_is_written_in_one_way() -> None:
    assert arguments.domain(".ElasticBeanstalk.com.") == "elasticbeanstalk.com"
