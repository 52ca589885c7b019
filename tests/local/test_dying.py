"""Instances that die under load."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

from running import Local, bundle
from test_daemon import request

CLIENTS = 8


class Client(threading.Thread):
    """Asks again and again; when each request that failed was sent."""

    def __init__(self, url: str, host: str, stop: threading.Event) -> None:
        super().__init__()
        self.failed: list[datetime] = []
        self.answered = 0
        self._asked, self._enough = (url, host), stop

    def run(self) -> None:
        url, host = self._asked
        while not self._enough.is_set():
            sent = datetime.now(UTC)
            if request(url, host=host)[0] == 200:
                self.answered += 1
            else:
                self.failed.append(sent)


def test_a_killed_instance_costs_no_more_than_what_it_had_under_way(own: Local) -> None:
    own.publish("shop", "v1", bundle("one"))
    own.launch("shop", "shop-two", "v1", prefix="shop", **{"aws:autoscaling:asg|MinSize": "2"})
    url, host, stop = own.told["proxy_url"], own.describe("shop-two")["CNAME"], threading.Event()
    clients = [Client(url, host, stop) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    own.wait(lambda: all(client.answered > 10 for client in clients))
    eb = own.client("elasticbeanstalk")

    def instances() -> set[str]:
        found = eb.describe_instances_health(EnvironmentName="shop-two", AttributeNames=["All"])
        return {item["InstanceId"] for item in found["InstanceHealthList"]}

    killed = own.control("kill", environment="shop-two")["killed"]
    own.wait(lambda: len(instances()) == 2 and killed not in instances())
    removed = f"Removed instance [{killed}] from your environment due to a EC2 health check failure."
    (gone,) = [
        event["EventDate"]
        for event in eb.describe_events(EnvironmentName="shop-two")["Events"]
        if event["Message"] == removed
    ]
    before = [client.answered for client in clients]
    own.wait(lambda: all(client.answered > count + 10 for client, count in zip(clients, before, strict=True)))
    stop.set()
    for client in clients:
        client.join(10)
    assert max(len(client.failed) for client in clients) <= 1, "no client lost more than what it had under way"
    assert all(sent < gone for client in clients for sent in client.failed), "out of rotation is out of rotation"
