"""Offline: what would fail on Beanstalk, found before anything is sent, each with rule, place, reason and fix.

bundle ─ inspection (each file by itself: secrets, encoded contents, syntax) ─┐
files (as the platform finds them) ─ lint (all rules of what is read) ────────┴─ findings ─ allow (what is let through)

What is read: entry (what the platform needs), procfile, extension_rules (shapes: sections), settings (which options
hold), serving (module, object and port of the web process: command, modules, scripts), reach (which files are imported:
syntax), pythons (what requires another Python), hooks, migrations (ddl).
"""

from ebcd.check.allow import allowed
from ebcd.check.files import BundleFiles
from ebcd.check.finding import Finding, Severity
from ebcd.check.inspection import Inspection
from ebcd.check.lint import findings, ordered

__all__ = ["BundleFiles", "Finding", "Inspection", "Severity", "allowed", "findings", "ordered"]
