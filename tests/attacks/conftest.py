"""The application's fixtures, and those of the other targets."""

from sites import acme, fresh, globex, make_site, postgres, site, urls

__all__ = ["acme", "fresh", "globex", "make_site", "postgres", "site", "urls"]
