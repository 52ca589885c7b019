"""From a commit to a source bundle, out of git's object store and never from the work tree.

git (plumbing) ─ entries ─► select (what goes in, and why) ─► archive (the zip's bytes) ─► build (the file)
"""

from ebcd.bundle.build import build, listing, unlocked
from ebcd.bundle.git import Repository

__all__ = ["Repository", "build", "listing", "unlocked"]
