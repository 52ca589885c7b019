"""Aespo: a team workspace for many teams, each at a host of its own. `application.py` serves it.

hosts     where a request was sent: the site itself, or one workspace
tenants   the workspaces
release   which release this is
web       the Flask application: routes, errors, headers
island    the emblem of a workspace
"""
