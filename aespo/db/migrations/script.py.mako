"""${message}"""

from alembic import op

revision = "${up_revision}"
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Say here what is added. What is taken away is a migration of its own, with works_since = REVISION."""
    ${upgrades if upgrades else "op.execute()"}
