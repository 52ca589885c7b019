"""Files of workspaces where there is no bucket; who is at a job, and until when. The release before uses neither."""

from alembic import op

revision = "0002"
down_revision = "0001"

_OWN = "tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::bigint)"

# In parts: a value of PostgreSQL is whole in memory, here and there.
_OBJECTS = """
CREATE TABLE objects (
  tenant_id bigint NOT NULL REFERENCES tenants ON DELETE CASCADE,
  key text NOT NULL,
  part integer NOT NULL,
  content bytea NOT NULL CHECK (octet_length(content) <= 1000000),
  PRIMARY KEY (tenant_id, key, part));
"""


def upgrade() -> None:
    """Make the table, which hides its rows like the others, and add the column."""
    op.execute(_OBJECTS)
    op.execute("ALTER TABLE objects ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own_workspace ON objects USING ({_OWN}) WITH CHECK ({_OWN})")
    op.execute("ALTER TABLE jobs ADD COLUMN taken_until timestamptz")
