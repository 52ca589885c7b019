"""Offline: what would fail on Beanstalk, found before anything is sent."""

from ebcd.check.finding import Finding, Severity
from ebcd.check.inspection import Inspection

__all__ = ["Finding", "Inspection", "Severity"]
