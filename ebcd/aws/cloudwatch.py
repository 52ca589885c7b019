"""What CloudWatch tells of a load balancer."""

from __future__ import annotations

from datetime import datetime

from ebcd.aws.session import Clients, answering

_ARN = ":loadbalancer/"


class CloudWatch:
    """The calls ebcd makes. Each raises AwsRefused or one of its kinds (`ebcd.errors`)."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def requests(self, balancer: str, since: datetime, until: datetime) -> int | None:
        """How many requests clients have sent to a load balancer between two whole minutes, health checks left out;
        None where it does not count requests, as a network load balancer.

        balancer: as DescribeEnvironmentResources calls it: a classic one's name, the ARN of any other.

        Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
        """
        namespace, dimension, value = "AWS/ELB", "LoadBalancerName", balancer
        if _ARN in balancer:
            namespace, dimension, value = "AWS/ApplicationELB", "LoadBalancer", balancer.partition(_ARN)[2]
            if not value.startswith("app/"):
                return None
        with answering("cloudwatch:GetMetricStatistics"):
            points = self._clients.cloudwatch.get_metric_statistics(
                Namespace=namespace,
                MetricName="RequestCount",
                Dimensions=[{"Name": dimension, "Value": value}],
                StartTime=since,
                EndTime=until,
                Period=60,
                Statistics=["Sum"],
            )["Datapoints"]
        return int(sum(point["Sum"] for point in points))
