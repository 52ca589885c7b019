"""One pending export and one invitation an address, exports that count, queues that are fair, confirmed addresses and
known devices. The release before goes on: what it writes has the defaults.
"""

from alembic import op

revision = "0003"
down_revision = "0002"

# The latest invitation of an address is the one whose link was sent last. Rows are hidden from their owner, too.
_ONE_INVITATION = """
DO $$
DECLARE workspace bigint;
BEGIN
  FOR workspace IN SELECT tenant_id FROM directory LOOP
    PERFORM set_config('app.tenant_id', workspace::text, true);
    DELETE FROM invites older USING invites newer
      WHERE older.tenant_id = newer.tenant_id AND older.email = newer.email
      AND (older.created_at, older.id) < (newer.created_at, newer.id);
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
END $$;
CREATE UNIQUE INDEX invites_email ON invites (tenant_id, email);
"""

_EXPORTS_COUNT = """
ALTER TABLE jobs ADD COLUMN bytes bigint NOT NULL DEFAULT 0;
CREATE TRIGGER meter_built AFTER UPDATE OF bytes ON jobs FOR EACH ROW EXECUTE FUNCTION meter();
CREATE TRIGGER meter_gone AFTER DELETE ON jobs FOR EACH ROW WHEN (OLD.bytes <> 0) EXECUTE FUNCTION meter();
"""

_FAIR_QUEUES = """
ALTER TABLE queue ADD COLUMN lane text NOT NULL DEFAULT 'slow', ADD COLUMN workspace bigint;
"""

_KNOWN_DEVICES = """
ALTER TABLE members ADD COLUMN confirmed_at timestamptz;
ALTER TABLE sessions DROP CONSTRAINT sessions_purpose_check, ADD CONSTRAINT sessions_purpose_check
  CHECK (purpose IN ('session', 'arrival', 'reset', 'device', 'confirm'));
"""


def upgrade() -> None:
    """Add what is new. Constraints become wider, and the one new key holds what the application did already."""
    for statement in (_ONE_INVITATION, _EXPORTS_COUNT, _FAIR_QUEUES, _KNOWN_DEVICES):
        op.execute(statement)
