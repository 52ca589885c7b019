"""How a stage is reached by its users, which is what a probe must do to be like one of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from ebcd.model import Stage

_PORTS = {"http": "80", "https": "443"}


@dataclass(frozen=True, slots=True)
class PublicAddress:
    """What users see of a stage: its URL, and what follows from it."""

    url: str
    """The live URL, without a path."""
    host: str
    """The Host header of a request to live."""
    address: str
    """Where live is reached: `host:port`."""
    tls: bool
    """Whether it is reached over TLS."""

    def at(self, endpoint: str) -> str:
        """Where an environment is reached at its own address, by the same port as live."""
        return endpoint if ":" in endpoint else f"{endpoint}:{self.address.rpartition(':')[2]}"

    def of(self, host: str) -> str:
        """The Host header for another host behind the same front: a tenant's."""
        _, colon, port = self.host.partition(":")
        return f"{host}{colon}{port}"


def public_address(stage: Stage, cname: str, live_address: str = "") -> PublicAddress:
    """A stage's front. cname: the live CNAME, whole: what its users ask for where the stage has no `url` of its own.

    live_address: `host:port` of the local Beanstalk's load balancer, for a stage that is reached there: by HTTP at its
    CNAME, whatever `url` says. What only records told of a stage chooses no place that a request goes to: a recorded
    `url` is asked for at the live CNAME.
    """
    asked = urlsplit(stage.url if stage.url and not live_address else f"http://{cname}")
    scheme, name = asked.scheme, asked.hostname or cname
    port = live_address.rpartition(":")[2] or str(asked.port or _PORTS[scheme])
    host = name if port == _PORTS[scheme] else f"{name}:{port}"
    place = f"{cname if stage.recorded else name}:{port}"
    return PublicAddress(f"{scheme}://{host}", host, live_address or place, scheme == "https")
