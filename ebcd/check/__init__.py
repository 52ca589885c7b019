"""Offline: what would fail on Beanstalk, found before anything is sent."""

from ebcd.check.lint import Finding, check

__all__ = ["Finding", "check"]
