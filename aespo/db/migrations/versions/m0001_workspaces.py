"""Workspaces: members, notes, tasks, their audit trail and their usage, each row seen by its own workspace alone."""

from alembic import op

revision = "0001"
down_revision = None

# The inner SELECT lets PostgreSQL ask once for each statement, not for each row. Without nullif a connection that was
# used before would fail outside a workspace, where the setting is empty and not absent.
_OWN = "tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::bigint)"

_TABLES = """
CREATE TABLE schema_state (
  one boolean PRIMARY KEY DEFAULT true CHECK (one), revision integer NOT NULL, works_since integer NOT NULL);

CREATE TABLE directory (
  tenant_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$'));

CREATE TABLE tenants (
  tenant_id bigint PRIMARY KEY REFERENCES directory ON DELETE CASCADE,
  name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 80),
  plan text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  trial_ends_at timestamptz,
  suspended_at timestamptz);

CREATE TABLE members (
  tenant_id bigint NOT NULL REFERENCES tenants ON DELETE CASCADE, id text NOT NULL,
  email text NOT NULL CHECK (email = lower(email)),
  name text NOT NULL,
  role text NOT NULL CHECK (role IN ('owner', 'member', 'reader')),
  password_hash text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  removed_at timestamptz,
  PRIMARY KEY (tenant_id, id));
CREATE UNIQUE INDEX members_email ON members (tenant_id, email) WHERE removed_at IS NULL;

CREATE TABLE sessions (
  tenant_id bigint NOT NULL REFERENCES tenants ON DELETE CASCADE, token_hash bytea NOT NULL,
  member_id text NOT NULL,
  purpose text NOT NULL CHECK (purpose IN ('session', 'arrival', 'reset')),
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, token_hash),
  FOREIGN KEY (tenant_id, member_id) REFERENCES members);

CREATE TABLE invites (
  tenant_id bigint NOT NULL REFERENCES tenants ON DELETE CASCADE, id text NOT NULL,
  token_hash bytea NOT NULL,
  email text NOT NULL,
  role text NOT NULL CHECK (role IN ('owner', 'member', 'reader')),
  invited_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, token_hash),
  FOREIGN KEY (tenant_id, invited_by) REFERENCES members);

CREATE TABLE api_tokens (
  tenant_id bigint NOT NULL REFERENCES tenants ON DELETE CASCADE, id text NOT NULL,
  token_hash bytea NOT NULL,
  name text NOT NULL,
  scope text NOT NULL CHECK (scope IN ('read', 'write')),
  member_id text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  used_on date,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, token_hash),
  FOREIGN KEY (tenant_id, member_id) REFERENCES members);

CREATE TABLE notes (
  tenant_id bigint NOT NULL REFERENCES tenants ON DELETE CASCADE, id text NOT NULL,
  title text NOT NULL,
  body text NOT NULL,
  search tsvector NOT NULL GENERATED ALWAYS AS
    (setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('english', body), 'B')) STORED,
  bytes integer NOT NULL GENERATED ALWAYS AS (octet_length(title) + octet_length(body)) STORED,
  version integer NOT NULL DEFAULT 1,
  created_by text NOT NULL,
  updated_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES members,
  FOREIGN KEY (tenant_id, updated_by) REFERENCES members);
CREATE INDEX notes_latest ON notes (tenant_id, updated_at DESC, id);

CREATE TABLE tasks (
  tenant_id bigint NOT NULL REFERENCES tenants ON DELETE CASCADE, id text NOT NULL,
  title text NOT NULL,
  detail text NOT NULL,
  state text NOT NULL CHECK (state IN ('open', 'doing', 'done')),
  assignee_id text,
  due_on date,
  bytes integer NOT NULL GENERATED ALWAYS AS (octet_length(title) + octet_length(detail)) STORED,
  version integer NOT NULL DEFAULT 1,
  created_by text NOT NULL,
  updated_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, assignee_id) REFERENCES members,
  FOREIGN KEY (tenant_id, created_by) REFERENCES members,
  FOREIGN KEY (tenant_id, updated_by) REFERENCES members);
CREATE INDEX tasks_latest ON tasks (tenant_id, updated_at DESC, id);

CREATE TABLE attachments (
  tenant_id bigint NOT NULL REFERENCES tenants ON DELETE CASCADE, id text NOT NULL,
  note_id text NOT NULL,
  name text NOT NULL,
  content_type text NOT NULL,
  bytes bigint NOT NULL,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, note_id) REFERENCES notes ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, created_by) REFERENCES members);
CREATE INDEX attachments_note ON attachments (tenant_id, note_id);

CREATE TABLE audit (
  tenant_id bigint NOT NULL REFERENCES tenants ON DELETE CASCADE, id text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  actor text NOT NULL, action text NOT NULL, subject text NOT NULL, detail text NOT NULL,
  PRIMARY KEY (tenant_id, id));
CREATE INDEX audit_latest ON audit (tenant_id, at DESC, id);

CREATE TABLE usage_totals (
  tenant_id bigint PRIMARY KEY REFERENCES tenants ON DELETE CASCADE,
  members integer NOT NULL DEFAULT 0,
  notes integer NOT NULL DEFAULT 0,
  tasks integer NOT NULL DEFAULT 0,
  attachments integer NOT NULL DEFAULT 0,
  bytes bigint NOT NULL DEFAULT 0);

CREATE TABLE usage_days (
  tenant_id bigint NOT NULL REFERENCES tenants ON DELETE CASCADE,
  day date NOT NULL, slot smallint NOT NULL, requests bigint NOT NULL,
  PRIMARY KEY (tenant_id, day, slot));

CREATE TABLE jobs (
  tenant_id bigint NOT NULL REFERENCES tenants ON DELETE CASCADE, id text NOT NULL,
  kind text NOT NULL, content jsonb NOT NULL, state text NOT NULL CHECK (state IN ('waiting', 'done', 'failed')),
  attempts integer NOT NULL DEFAULT 0,
  requested_by text,
  created_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, requested_by) REFERENCES members);

CREATE TABLE mails (
  tenant_id bigint NOT NULL REFERENCES tenants ON DELETE CASCADE, id text NOT NULL,
  recipient text NOT NULL, subject text NOT NULL, body text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  sent_at timestamptz,
  PRIMARY KEY (tenant_id, id));

CREATE TABLE queue (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  message text NOT NULL, visible_at timestamptz NOT NULL, attempts integer NOT NULL DEFAULT 0);

CREATE TABLE rate_limits (key bytea PRIMARY KEY, since timestamptz NOT NULL, count integer NOT NULL);

CREATE TABLE deletions (
  slug_digest bytea PRIMARY KEY, deleted_at timestamptz NOT NULL DEFAULT now(), receipt jsonb NOT NULL);
"""

# What a workspace holds is counted where it changes: no code path can forget it, and the count is part of the change.
_METER = """
CREATE FUNCTION meter() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  rows integer := (CASE WHEN TG_OP = 'DELETE' THEN -1 WHEN TG_OP = 'INSERT' THEN 1 ELSE 0 END);
  size bigint := (CASE WHEN TG_OP = 'DELETE' THEN 0 ELSE NEW.bytes END)
    - (CASE WHEN TG_OP = 'INSERT' THEN 0 ELSE OLD.bytes END);
BEGIN
  UPDATE usage_totals SET bytes = bytes + size,
    notes = notes + CASE WHEN TG_TABLE_NAME = 'notes' THEN rows ELSE 0 END,
    tasks = tasks + CASE WHEN TG_TABLE_NAME = 'tasks' THEN rows ELSE 0 END,
    attachments = attachments + CASE WHEN TG_TABLE_NAME = 'attachments' THEN rows ELSE 0 END
  WHERE tenant_id = CASE WHEN TG_OP = 'DELETE' THEN OLD.tenant_id ELSE NEW.tenant_id END;
  RETURN NULL;
END $$;
CREATE TRIGGER meter AFTER INSERT OR UPDATE OR DELETE ON notes FOR EACH ROW EXECUTE FUNCTION meter();
CREATE TRIGGER meter AFTER INSERT OR UPDATE OR DELETE ON tasks FOR EACH ROW EXECUTE FUNCTION meter();
CREATE TRIGGER meter AFTER INSERT OR UPDATE OR DELETE ON attachments FOR EACH ROW EXECUTE FUNCTION meter();

CREATE FUNCTION meter_members() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE usage_totals SET members = members
    + CASE WHEN TG_OP <> 'DELETE' AND NEW.removed_at IS NULL THEN 1 ELSE 0 END
    - CASE WHEN TG_OP <> 'INSERT' AND OLD.removed_at IS NULL THEN 1 ELSE 0 END
  WHERE tenant_id = CASE WHEN TG_OP = 'DELETE' THEN OLD.tenant_id ELSE NEW.tenant_id END;
  RETURN NULL;
END $$;
CREATE TRIGGER meter AFTER INSERT OR UPDATE OF removed_at OR DELETE ON members
  FOR EACH ROW EXECUTE FUNCTION meter_members();
"""

_NAMES = "tenants members sessions invites api_tokens notes tasks attachments audit usage_totals usage_days jobs mails"
_OF_TENANTS = _NAMES.split()


def upgrade() -> None:
    """Make everything."""
    op.execute(_TABLES)
    op.execute(_METER)
    for table in [*_OF_TENANTS, "directory"]:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    for table in _OF_TENANTS:
        op.execute(f"CREATE POLICY own_workspace ON {table} USING ({_OWN}) WITH CHECK ({_OWN})")
    # Addresses are public, and must be found before a workspace is known.
    op.execute("CREATE POLICY find ON directory FOR SELECT USING (true)")
    op.execute("CREATE POLICY sign_up ON directory FOR INSERT WITH CHECK (true)")
    op.execute(f"CREATE POLICY own_workspace ON directory FOR DELETE USING ({_OWN})")
