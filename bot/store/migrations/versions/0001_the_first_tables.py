"""The first tables"""

import sqlalchemy as sa
from alembic import op

from bot.store.columns import Moment, SealedText

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "audit_event",
        sa.Column("at", Moment(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("what", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_audit_event")),
        sa.UniqueConstraint("id", name=op.f("uq_audit_event_id")),
    )
    op.create_table(
        "content_signature",
        sa.Column("piece", sa.String(length=80), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("signed_by", sa.String(length=80), nullable=False),
        sa.Column("signed_at", Moment(), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_content_signature")),
    )
    with op.batch_alter_table("content_signature", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_content_signature_piece"), ["piece"], unique=False)

    op.create_table(
        "person",
        sa.Column("key_sealed", SealedText(), nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("name_sealed", SealedText(), nullable=False),
        sa.Column("case_number", sa.Integer(), nullable=False),
        sa.Column("on_call", sa.Boolean(), nullable=False),
        sa.Column("interventionist_id", sa.String(length=32), nullable=True),
        sa.Column("check_in_at", sa.String(length=5), nullable=True),
        sa.Column("next_check_in", Moment(), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["interventionist_id"], ["person.id"], name=op.f("fk_person_interventionist_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("case_number", name=op.f("uq_person_case_number")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_person_key_hash")),
    )
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_person_next_check_in"), ["next_check_in"], unique=False)

    op.create_table(
        "alert",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("danger", sa.String(length=16), nullable=True),
        sa.Column("level", sa.String(length=16), nullable=True),
        sa.Column("person_id", sa.String(length=32), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("policy", sa.JSON(), nullable=False),
        sa.Column("story_sealed", SealedText(), nullable=True),
        sa.Column("note_sealed", SealedText(), nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("raised_at", Moment(), nullable=False),
        sa.Column("last_at", Moment(), nullable=False),
        sa.Column("acknowledged_at", Moment(), nullable=True),
        sa.Column("acknowledged_by", sa.String(length=32), nullable=True),
        sa.Column("closed_at", Moment(), nullable=True),
        sa.Column("closed_by", sa.String(length=32), nullable=True),
        sa.Column("next_step", sa.Integer(), nullable=False),
        sa.Column("next_at", Moment(), nullable=True),
        sa.Column("check_backs", sa.Integer(), nullable=False),
        sa.Column("check_back_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(["acknowledged_by"], ["person.id"], name=op.f("fk_alert_acknowledged_by")),
        sa.ForeignKeyConstraint(["closed_by"], ["person.id"], name=op.f("fk_alert_closed_by")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_alert_person_id")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_alert")),
        sa.UniqueConstraint("id", name=op.f("uq_alert_id")),
    )
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_alert_check_back_at"), ["check_back_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_alert_next_at"), ["next_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_alert_person_id"), ["person_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_alert_status"), ["status"], unique=False)

    op.create_table(
        "check_in",
        sa.Column("client_id", sa.String(length=32), nullable=False),
        sa.Column("local_date", sa.Date(), nullable=False),
        sa.Column("slot", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("craving", sa.Integer(), nullable=True),
        sa.Column("mood", sa.Integer(), nullable=True),
        sa.Column("sleep_quality", sa.Integer(), nullable=True),
        sa.Column("sleep_hours", sa.Double(), nullable=True),
        sa.Column("used", sa.Boolean(), nullable=True),
        sa.Column("asked_at", Moment(), nullable=True),
        sa.Column("answered_at", Moment(), nullable=True),
        sa.Column("due_at", Moment(), nullable=True),
        sa.Column("follow_ups", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["person.id"], name=op.f("fk_check_in_client_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_check_in")),
        sa.UniqueConstraint("client_id", "local_date", "slot", name=op.f("uq_check_in_client_id_local_date_slot")),
    )
    with op.batch_alter_table("check_in", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_check_in_due_at"), ["due_at"], unique=False)

    op.create_table(
        "contact_point",
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("address_sealed", SealedText(), nullable=False),
        sa.Column("address_hash", sa.String(length=64), nullable=False),
        sa.Column("opted_out_at", Moment(), nullable=True),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_contact_point_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_point")),
        sa.UniqueConstraint("channel", "address_hash", name=op.f("uq_contact_point_channel_address_hash")),
    )
    with op.batch_alter_table("contact_point", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_contact_point_person_id"), ["person_id"], unique=False)

    op.create_table(
        "craving_episode",
        sa.Column("client_id", sa.String(length=32), nullable=False),
        sa.Column("level_before", sa.Integer(), nullable=True),
        sa.Column("level_after", sa.Integer(), nullable=True),
        sa.Column("skill", sa.String(length=80), nullable=True),
        sa.Column("own_skill_sealed", SealedText(), nullable=True),
        sa.Column("steps_done", sa.Integer(), nullable=False),
        sa.Column("trigger_sealed", SealedText(), nullable=True),
        sa.Column("change_sealed", SealedText(), nullable=True),
        sa.Column("completed", sa.Boolean(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["person.id"], name=op.f("fk_craving_episode_client_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_craving_episode")),
    )
    with op.batch_alter_table("craving_episode", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_craving_episode_client_id"), ["client_id"], unique=False)

    op.create_table(
        "lapse",
        sa.Column("client_id", sa.String(length=32), nullable=False),
        sa.Column("what_sealed", SealedText(), nullable=True),
        sa.Column("alone", sa.Boolean(), nullable=True),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["person.id"], name=op.f("fk_lapse_client_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lapse")),
    )
    with op.batch_alter_table("lapse", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_lapse_client_id"), ["client_id"], unique=False)

    op.create_table(
        "plan_version",
        sa.Column("client_id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("plan_sealed", SealedText(), nullable=False),
        sa.Column("approved_by", sa.String(length=64), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["person.id"], name=op.f("fk_plan_version_client_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_version")),
        sa.UniqueConstraint("client_id", "version", name=op.f("uq_plan_version_client_id_version")),
    )
    op.create_table(
        "alert_step",
        sa.Column("alert_id", sa.String(length=32), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("who", sa.String(length=24), nullable=False),
        sa.Column("reached", sa.Integer(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_alert_step_alert_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_step")),
    )
    with op.batch_alter_table("alert_step", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_alert_step_alert_id"), ["alert_id"], unique=False)

    op.create_table(
        "conversation",
        sa.Column("contact_point_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("owner", sa.String(length=16), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("lease_until", Moment(), nullable=True),
        sa.Column("state_sealed", SealedText(), nullable=True),
        sa.Column("state_until", Moment(), nullable=True),
        sa.Column("last_heard", Moment(), nullable=True),
        sa.Column("served_at", Moment(), nullable=True),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_point_id"], ["contact_point.id"], name=op.f("fk_conversation_contact_point_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_conversation_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversation")),
        sa.UniqueConstraint("contact_point_id", name=op.f("uq_conversation_contact_point_id")),
    )
    with op.batch_alter_table("conversation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_conversation_person_id"), ["person_id"], unique=False)

    op.create_table(
        "outbound_message",
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("contact_point_id", sa.String(length=32), nullable=False),
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("body_sealed", SealedText(), nullable=False),
        sa.Column("alert_id", sa.String(length=32), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("repeat", sa.Boolean(), nullable=False),
        sa.Column("not_before", Moment(), nullable=False),
        sa.Column("lease_until", Moment(), nullable=True),
        sa.Column("provider_id", sa.String(length=128), nullable=True),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("sent_at", Moment(), nullable=True),
        sa.Column("sequence", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_outbound_message_alert_id")),
        sa.ForeignKeyConstraint(
            ["contact_point_id"], ["contact_point.id"], name=op.f("fk_outbound_message_contact_point_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_outbound_message_person_id")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_outbound_message")),
        sa.UniqueConstraint("id", name=op.f("uq_outbound_message_id")),
    )
    with op.batch_alter_table("outbound_message", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_outbound_message_alert_id"), ["alert_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_outbound_message_person_id"), ["person_id"], unique=False)
        batch_op.create_index("ix_outbound_message_queue", ["status", "lane", "sequence"], unique=False)
        batch_op.create_index(
            "ix_outbound_message_order", ["contact_point_id", "lane", "status", "sequence"], unique=False
        )
        batch_op.create_index("ix_outbound_message_past", ["contact_point_id", "sequence"], unique=False)

    op.create_table(
        "inbound_message",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("provider_id", sa.String(length=128), nullable=False),
        sa.Column("text_sealed", SealedText(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", Moment(), nullable=False),
        sa.Column("read_at", Moment(), nullable=True),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("received_at", Moment(), nullable=False),
        sa.Column("done_at", Moment(), nullable=True),
        sa.Column("sequence", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversation.id"], name=op.f("fk_inbound_message_conversation_id")
        ),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_inbound_message")),
        sa.UniqueConstraint("channel", "provider_id", name=op.f("uq_inbound_message_channel_provider_id")),
        sa.UniqueConstraint("id", name=op.f("uq_inbound_message_id")),
    )
    with op.batch_alter_table("inbound_message", schema=None) as batch_op:
        batch_op.create_index("ix_inbound_message_past", ["conversation_id", "sequence"], unique=False)
        batch_op.create_index("ix_inbound_message_unread", ["read_at", "sequence"], unique=False)
        batch_op.create_index(batch_op.f("ix_inbound_message_received_at"), ["received_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_inbound_message_status"), ["status"], unique=False)

    op.create_table(
        "safety_question",
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("alert_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=8), nullable=False),
        sa.Column("yes_means", sa.String(length=8), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("asked_at", Moment(), nullable=False),
        sa.Column("deadline", Moment(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_safety_question_alert_id")),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversation.id"], name=op.f("fk_safety_question_conversation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_safety_question")),
    )
    with op.batch_alter_table("safety_question", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_safety_question_conversation_id"), ["conversation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_safety_question_deadline"), ["deadline"], unique=False)
        batch_op.create_index(batch_op.f("ix_safety_question_outcome"), ["outcome"], unique=False)

    op.create_table(
        "finding",
        sa.Column("message_id", sa.String(length=32), nullable=True),
        sa.Column("alert_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("net", sa.String(length=16), nullable=False),
        sa.Column("rule", sa.String(length=80), nullable=False),
        sa.Column("subject", sa.String(length=8), nullable=False),
        sa.Column("matched_sealed", SealedText(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_finding_alert_id")),
        sa.ForeignKeyConstraint(["message_id"], ["inbound_message.id"], name=op.f("fk_finding_message_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_finding")),
    )
    with op.batch_alter_table("finding", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_finding_alert_id"), ["alert_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_finding_message_id"), ["message_id"], unique=False)


def downgrade() -> None:

    with op.batch_alter_table("finding", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_finding_message_id"))
        batch_op.drop_index(batch_op.f("ix_finding_alert_id"))

    op.drop_table("finding")
    with op.batch_alter_table("safety_question", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_safety_question_outcome"))
        batch_op.drop_index(batch_op.f("ix_safety_question_deadline"))
        batch_op.drop_index(batch_op.f("ix_safety_question_conversation_id"))

    op.drop_table("safety_question")
    with op.batch_alter_table("inbound_message", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_inbound_message_status"))
        batch_op.drop_index(batch_op.f("ix_inbound_message_received_at"))
        batch_op.drop_index("ix_inbound_message_unread")
        batch_op.drop_index("ix_inbound_message_past")

    op.drop_table("inbound_message")
    with op.batch_alter_table("outbound_message", schema=None) as batch_op:
        batch_op.drop_index("ix_outbound_message_past")
        batch_op.drop_index("ix_outbound_message_order")
        batch_op.drop_index("ix_outbound_message_queue")
        batch_op.drop_index(batch_op.f("ix_outbound_message_person_id"))
        batch_op.drop_index(batch_op.f("ix_outbound_message_alert_id"))

    op.drop_table("outbound_message")
    with op.batch_alter_table("conversation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_conversation_person_id"))

    op.drop_table("conversation")
    with op.batch_alter_table("alert_step", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_alert_step_alert_id"))

    op.drop_table("alert_step")
    op.drop_table("plan_version")
    with op.batch_alter_table("lapse", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_lapse_client_id"))

    op.drop_table("lapse")
    with op.batch_alter_table("craving_episode", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_craving_episode_client_id"))

    op.drop_table("craving_episode")
    with op.batch_alter_table("contact_point", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_contact_point_person_id"))

    op.drop_table("contact_point")
    with op.batch_alter_table("check_in", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_check_in_due_at"))

    op.drop_table("check_in")
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_alert_status"))
        batch_op.drop_index(batch_op.f("ix_alert_person_id"))
        batch_op.drop_index(batch_op.f("ix_alert_next_at"))
        batch_op.drop_index(batch_op.f("ix_alert_check_back_at"))

    op.drop_table("alert")
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_person_next_check_in"))

    op.drop_table("person")
    with op.batch_alter_table("content_signature", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_content_signature_piece"))

    op.drop_table("content_signature")
    op.drop_table("audit_event")
