"""Why there is no database."""

from __future__ import annotations


class DatabaseUnavailable(Exception):
    """There is no database to be had; the message says why, and what to do."""
