"""A database for applications, as RDS gives one: beside the environments, and not gone with them.

Databases (one an application, with its roles) ─► Server (PostgreSQL, kept running) ─► Installation (the wheel)
"""

from ebcd_local.database.databases import Databases
from ebcd_local.database.installation import DatabaseUnavailable, Installation
from ebcd_local.database.server import Server

__all__ = ["DatabaseUnavailable", "Databases", "Installation", "Server"]
