"""Environments that run.

operations ─► Fleet (launch, deploy, adjust, swap, terminate: one function an operation)
                └─► policies (all at once, rolling, immutable, traffic splitting)
                      └─► Group (an environment's instances: added, deployed to, registered, removed)
"""

from ebcd_local.fleet.fleet import Fleet
from ebcd_local.fleet.group import Group, Member

__all__ = ["Fleet", "Group", "Member"]
