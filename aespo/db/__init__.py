"""The database: one PostgreSQL for all workspaces, each row of which only its own workspace can see.

schema       the tables, as queries name them
engine       connections and transactions, each of them one workspace's
grants       what the role that serves may do with each
safety       why a process must not start: a role that sees everything, a table that does not hide, a foreign schema
migrate      from one release's schema to the next one's, as the owner of the tables
queries      what is asked, and nowhere else
"""
