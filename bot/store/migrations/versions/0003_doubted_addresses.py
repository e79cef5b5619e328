"""Doubted addresses, phones that are tried again, and when a message was written"""

import sqlalchemy as sa
from alembic import op

from bot.store.columns import Moment

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("contact_point", schema=None, recreate="never") as batch_op:
        batch_op.add_column(sa.Column("doubted_at", Moment(), nullable=True))
        batch_op.add_column(sa.Column("suspended_until", Moment(), nullable=True))

    with op.batch_alter_table("inbound_message", schema=None, recreate="never") as batch_op:
        batch_op.add_column(sa.Column("written_at", Moment(), nullable=True))
        batch_op.create_index(batch_op.f("ix_inbound_message_written_at"), ["written_at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("contact_point", schema=None, recreate="never") as batch_op:
        batch_op.drop_column("suspended_until")
        batch_op.drop_column("doubted_at")

    with op.batch_alter_table("inbound_message", schema=None, recreate="never") as batch_op:
        batch_op.drop_index(batch_op.f("ix_inbound_message_written_at"))
        batch_op.drop_column("written_at")
