"""Databases, as RDS gives them.

Databases (one an application, with its roles, beside the environments and not gone with them)
  ├─► Coupled (one an environment, gone with it)
  └─► Server (PostgreSQL, kept running) ─► Installation (the wheel)
"""

from ebcd_local.database.coupled import Wanted
from ebcd_local.database.databases import Databases
from ebcd_local.database.installation import Installation
from ebcd_local.database.server import Server
from ebcd_local.database.unavailable import DatabaseUnavailable

__all__ = ["DatabaseUnavailable", "Databases", "Installation", "Server", "Wanted"]
