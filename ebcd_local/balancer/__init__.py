"""The load balancer: routes by Host on one shared port, and gives each environment a port of its own."""

from ebcd_local.balancer.limits import Limits, largest_body
from ebcd_local.balancer.load_balancer import LoadBalancer
from ebcd_local.balancer.traffic import Second, Traffic

__all__ = ["Limits", "LoadBalancer", "Second", "Traffic", "largest_body"]
