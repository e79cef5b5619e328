"""Rota and policies in versions, what staff have done about an alert, hand-over, and risk levels"""

import sqlalchemy as sa
from alembic import op

from bot.store.columns import Moment, SealedText

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "arrangement",
        sa.Column("name", sa.String(16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("told_until", Moment(), nullable=True),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("id", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_arrangement")),
        sa.UniqueConstraint("name", "version", name=op.f("uq_arrangement_name_version")),
    )
    op.create_table(
        "alert_note",
        sa.Column("alert_id", sa.String(32), nullable=False),
        sa.Column("staff_id", sa.String(32), nullable=False),
        sa.Column("note_sealed", SealedText(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("id", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_alert_note_alert_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["person.id"], name=op.f("fk_alert_note_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_note")),
    )
    op.create_index(op.f("ix_alert_note_alert_id"), "alert_note", ["alert_id"], unique=False)
    op.create_table(
        "hand_over",
        sa.Column("person_id", sa.String(32), nullable=False),
        sa.Column("staff_id", sa.String(32), nullable=False),
        sa.Column("alert_id", sa.String(32), nullable=True),
        sa.Column("began_at", Moment(), nullable=False),
        sa.Column("ends_at", Moment(), nullable=False),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.Column("ended_by", sa.String(16), nullable=True),
        sa.Column("id", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_hand_over_alert_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_hand_over_person_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["person.id"], name=op.f("fk_hand_over_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hand_over")),
    )
    op.create_index(op.f("ix_hand_over_person_id"), "hand_over", ["person_id"], unique=False)
    op.create_index(op.f("ix_hand_over_staff_id"), "hand_over", ["staff_id"], unique=False)
    op.create_index(op.f("ix_hand_over_ended_at"), "hand_over", ["ended_at"], unique=False)

    op.create_table(
        "risk",
        sa.Column("client_id", sa.String(32), nullable=False),
        sa.Column("level", sa.String(16), nullable=False),
        sa.Column("reasons_sealed", SealedText(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("id", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["person.id"], name=op.f("fk_risk_client_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk")),
    )
    op.create_index("ix_risk_past", "risk", ["client_id", "at"], unique=False)
    with op.batch_alter_table("person", schema=None, recreate="never") as batch_op:
        batch_op.add_column(sa.Column("next_look", Moment(), nullable=True))
        batch_op.create_index(batch_op.f("ix_person_next_look"), ["next_look"], unique=False)
    # Who is there already is looked at from the next tick on.
    op.execute("UPDATE person SET next_look = created_at WHERE role IN ('client', 'staff')")


def downgrade() -> None:
    with op.batch_alter_table("person", schema=None, recreate="never") as batch_op:
        batch_op.drop_index(batch_op.f("ix_person_next_look"))
        batch_op.drop_column("next_look")
    op.drop_table("risk")
    op.drop_table("hand_over")
    op.drop_table("alert_note")
    op.drop_table("arrangement")
