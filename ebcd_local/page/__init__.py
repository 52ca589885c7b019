"""The page for people at the load balancer's bare address. It shows and changes nothing."""

from ebcd_local.page.site import Page
from ebcd_local.page.told import Sources, tell

__all__ = ["Page", "Sources", "tell"]
