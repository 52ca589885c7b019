"""Instances that die under load."""

from __future__ import annotations

import json
import threading
import time

from running import Local, bundle
from test_daemon import request

CLIENTS = 8


def test_a_killed_instance_costs_no_more_than_what_it_had_under_way(own: Local) -> None:
    own.publish("shop", "v1", bundle("one"))
    own.launch("shop", "shop-two", "v1", prefix="shop", **{"aws:autoscaling:asg|MinSize": "2"})
    url, host = own.told["proxy_url"], own.describe("shop-two")["CNAME"]
    failed: list[tuple[float, int]] = []
    answered = [0] * CLIENTS
    stop = threading.Event()

    def ask(number: int) -> None:
        while not stop.is_set():
            status, _, _ = request(url, host=host)
            answered[number] += 1
            if status != 200:
                failed.append((time.monotonic(), status))

    clients = [threading.Thread(target=ask, args=(number,)) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    time.sleep(0.5)
    killed_at = time.monotonic()
    killed = json.loads(own.run("fault", "kill", "shop-two", "--json").stdout)["killed"]
    eb = own.client("elasticbeanstalk")

    def instances() -> list[str]:
        found = eb.describe_instances_health(EnvironmentName="shop-two", AttributeNames=["All"])
        return [item["InstanceId"] for item in found["InstanceHealthList"]]

    deadline = time.monotonic() + 20
    while not (len(instances()) == 2 and killed not in instances()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    time.sleep(0.5)
    stop.set()
    for client in clients:
        client.join(10)
    assert all(count > 10 for count in answered)
    assert len(failed) <= CLIENTS, failed
    assert all(at - killed_at < 3 for at, _ in failed), "one health interval, and the kill's own command"
