"""Doubted addresses"""

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


def downgrade() -> None:
    with op.batch_alter_table("contact_point", schema=None, recreate="never") as batch_op:
        batch_op.drop_column("doubted_at")
