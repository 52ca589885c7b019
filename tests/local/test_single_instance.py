"""A single instance: no load balancer anywhere, in resources, settings, events and causes."""

from __future__ import annotations

import urllib3
from running import SERVER, Local, bundle

KIND = "aws:elasticbeanstalk:environment|EnvironmentType"


def test_a_single_instance_has_no_load_balancer(local: Local) -> None:
    server = SERVER.replace("{TEXT}", "{self.headers.get('X-Forwarded-For')}")
    local.publish("single", "v1", bundle("one", **{"server.py": server}))
    local.launch("single", "single-one", "v1", **{KIND: "SingleInstance", "aws:autoscaling:asg|MinSize": "2"})
    eb = local.client("elasticbeanstalk")
    found = eb.describe_environment_resources(EnvironmentName="single-one")["EnvironmentResources"]
    assert (found["LoadBalancers"], found["Queues"], found["Triggers"]) == ([], [], [])
    assert len(found["Instances"]) == 1, "whatever MinSize says"
    address, _, port = local.describe("single-one")["EndpointURL"].partition(":")
    assert (address, port.isdigit()) == ("127.0.0.1", True)
    url, forged = f"http://{local.describe('single-one')['EndpointURL']}/", {"X-Forwarded-For": "1.2.3.4"}
    seen = urllib3.request("GET", url, headers=forged, retries=False).data.decode()
    assert seen.startswith("1.2.3.4, 127.0.0.1 "), "its own proxy's entry, and no load balancer's"
    told = eb.describe_configuration_settings(ApplicationName="single", EnvironmentName="single-one")
    spaces = {item["Namespace"] for item in told["ConfigurationSettings"][0]["OptionSettings"]}
    assert not [space for space in spaces if space.startswith(("aws:elb", "aws:elbv2"))]
    rolling = [{"Namespace": "aws:elasticbeanstalk:command", "OptionName": "DeploymentPolicy", "Value": "Rolling"}]
    local.publish("single", "v2", bundle("two", Procfile="web: sleep 1; exit 3\n"))
    eb.update_environment(EnvironmentName="single-one", OptionSettings=rolling)
    local.until("single-one", lambda item: item["Status"] == "Ready")
    eb.update_environment(EnvironmentName="single-one", VersionLabel="v2")
    local.until("single-one", lambda item: item["Status"] == "Ready" and item["Health"] == "Red")
    health = eb.describe_environment_health(EnvironmentName="single-one", AttributeNames=["All"])
    messages = [event["Message"] for event in eb.describe_events(EnvironmentName="single-one")["Events"]]
    for text in [*health["Causes"], *messages]:
        assert "ELB" not in text
        assert "load balancer" not in text
    eb.terminate_environment(EnvironmentName="single-one")
