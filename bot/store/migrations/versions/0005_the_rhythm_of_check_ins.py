"""When a client is asked: one time of day or two, on all days or some"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("person", schema=None, recreate="never") as batch_op:
        batch_op.add_column(sa.Column("rhythm", sa.String(length=64), nullable=True))
    # A time alone is a rhythm: every day at that time.
    op.execute("UPDATE person SET rhythm = check_in_at")
    with op.batch_alter_table("person", schema=None, recreate="never") as batch_op:
        batch_op.drop_column("check_in_at")


def downgrade() -> None:
    with op.batch_alter_table("person", schema=None, recreate="never") as batch_op:
        batch_op.add_column(sa.Column("check_in_at", sa.String(length=5), nullable=True))
    op.execute("UPDATE person SET check_in_at = substr(rhythm, 1, 5)")
    with op.batch_alter_table("person", schema=None, recreate="never") as batch_op:
        batch_op.drop_column("rhythm")
