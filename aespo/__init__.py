"""Aespo: a team workspace for many teams, each at a host of its own. `application.py` serves it.

hosts      where a request was sent: the site itself, or one workspace
settings   what the environment properties say
release    which release this is
db         the database, which keeps workspaces apart
web, api   pages for people, JSON for programs
adapters   storage, mail, queue and secrets: AWS, or twins on one machine
worker     mail, exports and deletions, from the queue (jobs); what nobody needs any more (upkeep)
plans      what a workspace may hold and do
avatar     the emblem of a workspace
development  a PostgreSQL for a developer's run and for tests
"""
