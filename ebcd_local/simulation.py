"""How the cloud is simulated: as quick as it can be, or at AWS's pace divided by a speed; whether it enforces IAM."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Simulation:
    """The times of a simulated cloud, in seconds of this machine's clock. Operations take at least these."""

    speed: float = 1.0
    """Divides the durations that option settings name: triggers, timeouts, evaluations."""
    like_aws: bool = False
    """Whether the times are AWS's, divided by the speed."""
    sample: float = 1.0
    """Between two samples of an environment's health; its health checks are made in the same rounds."""
    window: float = 10.0
    """How far back the requests of a sample reach."""
    sample_at_once: bool = True
    """Whether an operation's end is followed by a sample at once, instead of when the next one is due."""
    dns_ttl: float = 0.0
    """How long a client remembers which environment a CNAME led to."""
    swap: float = 0.3
    launch: float = 0.0
    """Of an environment, before its first deployment."""
    update: float = 0.0
    """Of a deployment or a configuration update, before its instances are touched."""
    termination: float = 0.0
    processing: float = 0.0
    """Of an application version."""
    drain: float = 20.0
    """How long requests under way may take to end when an instance leaves: the load balancer's default."""
    calls_per_second: float = 0.0
    """Calls of one operation in a region that are answered in the long run; 0: all are."""
    calls_at_once: int = 0
    """How many of them may come at the same moment."""
    enforce_iam: bool = False
    """Whether each call is judged by its caller's IAM policies."""

    @classmethod
    def quick(cls, speed: float = 1.0, dns_ttl: float = 0.0) -> Simulation:
        """As quick as this machine is; only what has a rhythm of its own takes time."""
        return cls(speed=speed, sample=1.0 / speed, dns_ttl=dns_ttl, swap=0.3 / speed, drain=20.0 / speed)

    @classmethod
    def of_aws(cls, speed: float = 1.0, dns_ttl: float | None = None) -> Simulation:
        """AWS's times, divided by the speed. dns_ttl: another time for that, which no speed divides.

        Sources, in the developer guide unless said otherwise. sample, window: health-enhanced-metrics. launch: the log
        of eb3-events (2014-10-29, 194 s), of which the deployment at its end is real here. termination: the log of
        eb3-terminate (2018-07-11, 267 s). update: health-enhanced-status tells of a deployment that took 26 s. swap:
        the events in using-features.CNAMESwap, about 5 s apart. calls: AWS's support in
        aws/aws-toolkit-azure-devops#62 (2018-04-24), of DescribeEnvironments and DescribeEvents. Guessed: processing;
        that the TTL of a CNAME is 60 s; that every operation has the limits of those two.
        """
        return cls(
            speed=speed,
            like_aws=True,
            sample=10.0 / speed,
            window=10.0 / speed,
            sample_at_once=False,
            dns_ttl=60.0 / speed if dns_ttl is None else dns_ttl,
            swap=5.0 / speed,
            launch=190.0 / speed,
            update=26.0 / speed,
            termination=267.0 / speed,
            processing=5.0 / speed,
            drain=20.0 / speed,
            calls_per_second=2.0 * speed,
            calls_at_once=15,
        )
