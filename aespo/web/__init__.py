"""The WSGI application.

dispatch     the Host decides: the site, or a workspace
operations   what machines ask of the process, at any Host
readiness    whether the database can be served with
site         the front page, signing up
request_context  a request in a workspace: its transaction, who acts
removal      deleting notes and files
guard        what a browser may do: headers, and whose forms are taken
errors       what went wrong, as a page or as JSON
pages        the workspace's pages
"""

from __future__ import annotations

from aespo.web.dispatch import Aespo, create_application

__all__ = ["Aespo", "create_application"]
