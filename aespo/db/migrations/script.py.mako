"""${message}"""

from alembic import op

revision = "${up_revision}"
down_revision = ${repr(down_revision)}
kind = "expand"


def upgrade() -> None:
    """Say here what is added. What is taken away is a migration of its own: kind = "contract", works_since = N."""
    ${upgrades if upgrades else "op.execute()"}
