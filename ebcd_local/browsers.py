"""What browsers say of a request: any page that they show can make them ask a port on loopback."""

from __future__ import annotations


def from_a_page(origin: str | None, fetch_site: str | None) -> bool:
    """Whether a web page made a browser ask, by the headers Origin and Sec-Fetch-Site: no SDK sends either, and for an
    address that a person typed the second one is `none`.
    """
    return bool(origin) or fetch_site not in (None, "none")
