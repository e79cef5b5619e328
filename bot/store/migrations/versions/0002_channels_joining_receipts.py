"""Channels, joining, receipts"""

import sqlalchemy as sa
from alembic import op

from bot.store.columns import Moment, SealedText

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "set_aside",
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("raw_sealed", SealedText(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_set_aside")),
    )
    op.create_table(
        "consent",
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("scope", sa.String(length=16), nullable=False),
        sa.Column("other_id", sa.String(length=32), nullable=True),
        sa.Column("wording", sa.String(length=64), nullable=True),
        sa.Column("how", sa.String(length=16), nullable=False),
        sa.Column("note_sealed", SealedText(), nullable=True),
        sa.Column("asked_at", Moment(), nullable=False),
        sa.Column("given_at", Moment(), nullable=True),
        sa.Column("refused_at", Moment(), nullable=True),
        sa.Column("withdrawn_at", Moment(), nullable=True),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["other_id"], ["person.id"], name=op.f("fk_consent_other_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_consent_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    with op.batch_alter_table("consent", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_consent_person_id"), ["person_id"], unique=False)

    op.create_table(
        "invite",
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.Column("used_at", Moment(), nullable=True),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_invite_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invite")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_invite_code_hash")),
    )
    with op.batch_alter_table("invite", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_invite_person_id"), ["person_id"], unique=False)

    op.create_table(
        "safe_phone",
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("pin_hash", sa.String(length=128), nullable=True),
        sa.Column("open_until", Moment(), nullable=True),
        sa.Column("wrong", sa.Integer(), nullable=False),
        sa.Column("locked_until", Moment(), nullable=True),
        sa.Column("discreet", sa.Boolean(), nullable=False),
        sa.Column("exit_word_sealed", SealedText(), nullable=True),
        sa.Column("quiet_until", Moment(), nullable=True),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_safe_phone_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_safe_phone")),
        sa.UniqueConstraint("person_id", name=op.f("uq_safe_phone_person_id")),
    )
    with op.batch_alter_table("contact_point", schema=None) as batch_op:
        batch_op.add_column(sa.Column("verified_at", Moment(), nullable=True))
        batch_op.add_column(sa.Column("suspended_at", Moment(), nullable=True))

    with op.batch_alter_table("inbound_message", schema=None) as batch_op:
        batch_op.add_column(sa.Column("shape", sa.String(length=8), server_default="text", nullable=False))
        batch_op.add_column(sa.Column("answers_id", sa.String(length=32), nullable=True))
        batch_op.create_index(batch_op.f("ix_inbound_message_answers_id"), ["answers_id"], unique=False)

    with op.batch_alter_table("outbound_message", schema=None) as batch_op:
        batch_op.add_column(sa.Column("channel", sa.String(length=16), server_default="", nullable=False))
        batch_op.add_column(sa.Column("receipt", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("receipt_due", Moment(), nullable=True))
        batch_op.drop_index(batch_op.f("ix_outbound_message_queue"))
        batch_op.create_index("ix_outbound_message_queue", ["channel", "status", "lane", "sequence"], unique=False)
        batch_op.create_index("ix_outbound_message_provider", ["channel", "provider_id"], unique=False)
        batch_op.create_index("ix_outbound_message_receipt", ["channel", "receipt_due"], unique=False)

    op.execute(
        "UPDATE outbound_message SET channel = (SELECT contact_point.channel FROM contact_point "
        "WHERE contact_point.id = outbound_message.contact_point_id)"
    )

    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.add_column(sa.Column("joining", sa.String(length=24), nullable=True))
        batch_op.add_column(sa.Column("number_sealed", SealedText(), nullable=True))
        batch_op.add_column(sa.Column("place_sealed", SealedText(), nullable=True))
        batch_op.add_column(sa.Column("emergency_contact_sealed", SealedText(), nullable=True))
        batch_op.add_column(sa.Column("welfare_check", sa.Boolean(), nullable=True))

    with op.batch_alter_table("safety_question", schema=None) as batch_op:
        batch_op.add_column(sa.Column("message_id", sa.String(length=32), nullable=True))

    with op.batch_alter_table("conversation", schema=None, recreate="never") as batch_op:
        batch_op.drop_column("owner")


def downgrade() -> None:
    with op.batch_alter_table("conversation", schema=None, recreate="never") as batch_op:
        batch_op.add_column(sa.Column("owner", sa.String(length=16), server_default="bot", nullable=False))

    with op.batch_alter_table("safety_question", schema=None, recreate="never") as batch_op:
        batch_op.drop_column("message_id")

    with op.batch_alter_table("person", schema=None, recreate="never") as batch_op:
        batch_op.drop_column("welfare_check")
        batch_op.drop_column("emergency_contact_sealed")
        batch_op.drop_column("place_sealed")
        batch_op.drop_column("number_sealed")
        batch_op.drop_column("joining")

    with op.batch_alter_table("outbound_message", schema=None, recreate="never") as batch_op:
        batch_op.drop_index("ix_outbound_message_receipt")
        batch_op.drop_index("ix_outbound_message_provider")
        batch_op.drop_index("ix_outbound_message_queue")
        batch_op.create_index(batch_op.f("ix_outbound_message_queue"), ["status", "lane", "sequence"], unique=False)
        batch_op.drop_column("receipt_due")
        batch_op.drop_column("receipt")
        batch_op.drop_column("channel")

    with op.batch_alter_table("inbound_message", schema=None, recreate="never") as batch_op:
        batch_op.drop_index(batch_op.f("ix_inbound_message_answers_id"))
        batch_op.drop_column("answers_id")
        batch_op.drop_column("shape")

    with op.batch_alter_table("contact_point", schema=None, recreate="never") as batch_op:
        batch_op.drop_column("suspended_at")
        batch_op.drop_column("verified_at")

    op.drop_table("safe_phone")
    with op.batch_alter_table("invite", schema=None, recreate="never") as batch_op:
        batch_op.drop_index(batch_op.f("ix_invite_person_id"))

    op.drop_table("invite")
    with op.batch_alter_table("consent", schema=None, recreate="never") as batch_op:
        batch_op.drop_index(batch_op.f("ix_consent_person_id"))

    op.drop_table("consent")
    op.drop_table("set_aside")
