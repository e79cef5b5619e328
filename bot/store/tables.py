"""The records of Handrail (design: ``docs/architecture.md``).

Columns that end in ``_sealed`` hold what a person wrote or who they are. Everything else is plain on purpose: ids,
kinds, times, numbers on a scale.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Date, ForeignKey, Index, Integer, MetaData, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from bot.store.columns import Moment, SealedText


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: Moment, bytes: SealedText, dict[str, Any]: JSON, list[Any]: JSON}


class Id:
    """An opaque id, made by the application before the row exists, so that sealed columns can be bound to it."""

    id: Mapped[str] = mapped_column(String(32), primary_key=True)


class Ordered:
    """Rows that are handled in the order in which they were written; the id is opaque as everywhere."""

    sequence: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(32), unique=True)


class PersonRow(Id, Base):
    __tablename__ = "person"
    key_sealed: Mapped[bytes]
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    role: Mapped[str] = mapped_column(String(16))
    language: Mapped[str] = mapped_column(String(8))
    time_zone: Mapped[str] = mapped_column(String(64))
    country: Mapped[str] = mapped_column(String(2))
    name_sealed: Mapped[bytes]
    case_number: Mapped[int] = mapped_column(Integer, unique=True)
    on_call: Mapped[bool] = mapped_column(default=False)
    interventionist_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    # When a client is asked, as `recovery.check_in.Rhythm` is written.
    rhythm: Mapped[str | None] = mapped_column(String(64))
    next_check_in: Mapped[datetime | None] = mapped_column(index=True)
    # When a client's risk is next looked at; of staff, when their next morning summary is due.
    next_look: Mapped[datetime | None] = mapped_column(index=True)
    # The question of joining that waits for its answer; nothing once there is none.
    joining: Mapped[str | None] = mapped_column(String(24))
    # What staff need when someone is in danger; nothing where it was not told, or refused.
    number_sealed: Mapped[bytes | None]
    place_sealed: Mapped[bytes | None]
    emergency_contact_sealed: Mapped[bytes | None]
    welfare_check: Mapped[bool | None]
    created_at: Mapped[datetime]


class ContactPointRow(Id, Base):
    __tablename__ = "contact_point"
    __table_args__ = (UniqueConstraint("channel", "address_hash"),)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"), index=True)
    channel: Mapped[str] = mapped_column(String(16))
    address_sealed: Mapped[bytes]
    address_hash: Mapped[str] = mapped_column(String(64))
    verified_at: Mapped[datetime | None]
    opted_out_at: Mapped[datetime | None]
    # Nothing arrives there: blocked, switched off, or no such address. Ends when they write, or at a time.
    suspended_at: Mapped[datetime | None]
    suspended_until: Mapped[datetime | None]
    # It may be somebody else's by now: given up, or silent for long. Ends with a new invite.
    doubted_at: Mapped[datetime | None]

    @property
    def usable(self) -> bool:
        """Whether a message may be sent there, and would arrive."""
        return self.opted_out_at is None and self.suspended_at is None and self.doubted_at is None


class InviteRow(Id, Base):
    """A code by which someone shows that an address is theirs: once, and for a while."""

    __tablename__ = "invite"
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"), index=True)
    code_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class ConsentRow(Id, Base):
    """What a person has agreed to, to exactly which words, and when they took it back or refused."""

    __tablename__ = "consent"
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"), index=True)
    scope: Mapped[str] = mapped_column(String(16))
    # Whom it is about: the relative who may join.
    other_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    wording: Mapped[str | None] = mapped_column(String(64))
    how: Mapped[str] = mapped_column(String(16))
    note_sealed: Mapped[bytes | None]
    asked_at: Mapped[datetime]
    given_at: Mapped[datetime | None]
    refused_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]


class SafePhoneRow(Id, Base):
    """How a person's phone is kept from others who may hold it."""

    __tablename__ = "safe_phone"
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"), unique=True)
    pin_hash: Mapped[str | None] = mapped_column(String(128))
    open_until: Mapped[datetime | None]
    wrong: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    discreet: Mapped[bool] = mapped_column(default=False)
    exit_word_sealed: Mapped[bytes | None]
    quiet_until: Mapped[datetime | None]


class PlanVersionRow(Id, Base):
    __tablename__ = "plan_version"
    __table_args__ = (UniqueConstraint("client_id", "version"),)
    client_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    version: Mapped[int]
    plan_sealed: Mapped[bytes]
    approved_by: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime]


class CheckInRow(Id, Base):
    __tablename__ = "check_in"
    __table_args__ = (UniqueConstraint("client_id", "local_date", "slot"),)
    client_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    local_date: Mapped[date] = mapped_column(Date)
    slot: Mapped[str] = mapped_column(String(16))
    status: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(64))
    craving: Mapped[int | None]
    mood: Mapped[int | None]
    sleep_quality: Mapped[int | None]
    sleep_hours: Mapped[float | None]
    used: Mapped[bool | None]
    asked_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None] = mapped_column(index=True)
    follow_ups: Mapped[int] = mapped_column(default=0)


class CravingEpisodeRow(Id, Base):
    __tablename__ = "craving_episode"
    client_id: Mapped[str] = mapped_column(ForeignKey("person.id"), index=True)
    level_before: Mapped[int | None]
    level_after: Mapped[int | None]
    # The library's name of the skill; what a client calls a skill of their own is their words, and sealed.
    skill: Mapped[str | None] = mapped_column(String(80))
    own_skill_sealed: Mapped[bytes | None]
    steps_done: Mapped[int] = mapped_column(default=0)
    trigger_sealed: Mapped[bytes | None]
    change_sealed: Mapped[bytes | None]
    completed: Mapped[bool]
    at: Mapped[datetime]


class LapseRow(Id, Base):
    __tablename__ = "lapse"
    client_id: Mapped[str] = mapped_column(ForeignKey("person.id"), index=True)
    what_sealed: Mapped[bytes | None]
    alone: Mapped[bool | None]
    at: Mapped[datetime]


class RiskRow(Id, Base):
    """A change of a client's risk level, with the reasons in words."""

    __tablename__ = "risk"
    __table_args__ = (Index("ix_risk_past", "client_id", "at"),)
    client_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    level: Mapped[str] = mapped_column(String(16))
    reasons_sealed: Mapped[bytes]
    at: Mapped[datetime]


class InboundRow(Ordered, Base):
    __tablename__ = "inbound_message"
    __table_args__ = (
        UniqueConstraint("channel", "provider_id"),
        # Each answers its question without sorting, however long a person's past is.
        Index("ix_inbound_message_past", "conversation_id", "sequence"),
        Index("ix_inbound_message_unread", "read_at", "sequence"),
    )
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversation.id"))
    channel: Mapped[str] = mapped_column(String(16))
    provider_id: Mapped[str] = mapped_column(String(128))
    text_sealed: Mapped[bytes]
    shape: Mapped[str] = mapped_column(String(8), default="text", server_default="text")
    # Of a tap: the message whose choice it was.
    answers_id: Mapped[str | None] = mapped_column(String(32), index=True)
    status: Mapped[str] = mapped_column(String(16), index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    not_before: Mapped[datetime]
    read_at: Mapped[datetime | None]
    held: Mapped[bool] = mapped_column(default=False)
    received_at: Mapped[datetime] = mapped_column(index=True)
    # When it was written, as far as that can be told: what was asked since, it does not answer.
    written_at: Mapped[datetime | None] = mapped_column(index=True)
    done_at: Mapped[datetime | None]


class OutboundRow(Ordered, Base):
    __tablename__ = "outbound_message"
    __table_args__ = (
        Index("ix_outbound_message_queue", "channel", "status", "lane", "sequence"),
        Index("ix_outbound_message_receipt", "channel", "receipt_due"),
        Index("ix_outbound_message_provider", "channel", "provider_id"),
        Index("ix_outbound_message_order", "contact_point_id", "lane", "status", "sequence"),
        Index("ix_outbound_message_past", "contact_point_id", "sequence"),
    )
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"), index=True)
    contact_point_id: Mapped[str] = mapped_column(ForeignKey("contact_point.id"))
    channel: Mapped[str] = mapped_column(String(16), server_default="")
    lane: Mapped[int]
    body_sealed: Mapped[bytes]
    alert_id: Mapped[str | None] = mapped_column(ForeignKey("alert.id"), index=True)
    status: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int] = mapped_column(default=0)
    repeat: Mapped[bool] = mapped_column(default=False)
    not_before: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    provider_id: Mapped[str | None] = mapped_column(String(128))
    reason: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    # How far the provider says it has come, and when it is asked where it says nothing.
    receipt: Mapped[int] = mapped_column(default=0, server_default="0")
    receipt_due: Mapped[datetime | None]


class ConversationRow(Id, Base):
    """One a contact point: who holds its lease, and the engine's state. Who answers in it: ``conversations.owner``."""

    __tablename__ = "conversation"
    contact_point_id: Mapped[str] = mapped_column(ForeignKey("contact_point.id"), unique=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"), index=True)
    fence: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None]
    state_sealed: Mapped[bytes | None]
    state_until: Mapped[datetime | None]
    last_heard: Mapped[datetime | None]
    served_at: Mapped[datetime | None]
    # Whoever looks at a conversation wants to know whose it is, and where it is held.
    person: Mapped[PersonRow] = relationship(lazy="joined", innerjoin=True, viewonly=True)
    contact: Mapped[ContactPointRow] = relationship(lazy="joined", innerjoin=True, viewonly=True)


class QuestionRow(Id, Base):
    """A safety question that waits for its answer; the clock ends it at its deadline."""

    __tablename__ = "safety_question"
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversation.id"), index=True)
    alert_id: Mapped[str] = mapped_column(ForeignKey("alert.id"))
    kind: Mapped[str] = mapped_column(String(16))
    level: Mapped[str] = mapped_column(String(16))
    subject: Mapped[str] = mapped_column(String(8))
    yes_means: Mapped[str] = mapped_column(String(8))
    attempts: Mapped[int] = mapped_column(default=1)
    asked_at: Mapped[datetime]
    deadline: Mapped[datetime] = mapped_column(index=True)
    step: Mapped[int] = mapped_column(default=0)
    # The message that put it: what a tap belongs to.
    message_id: Mapped[str | None] = mapped_column(String(32))
    outcome: Mapped[str | None] = mapped_column(String(16), index=True)


class SetAsideRow(Id, Base):
    """Something a provider delivered that cannot be read, kept so that a person may look at it."""

    __tablename__ = "set_aside"
    channel: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(64))
    raw_sealed: Mapped[bytes]
    at: Mapped[datetime]


class FindingRow(Id, Base):
    __tablename__ = "finding"
    message_id: Mapped[str | None] = mapped_column(ForeignKey("inbound_message.id"), index=True)
    alert_id: Mapped[str] = mapped_column(ForeignKey("alert.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    level: Mapped[str] = mapped_column(String(16))
    net: Mapped[str] = mapped_column(String(16))
    rule: Mapped[str] = mapped_column(String(80))
    subject: Mapped[str] = mapped_column(String(8))
    matched_sealed: Mapped[bytes]
    at: Mapped[datetime]


class AlertRow(Base):
    __tablename__ = "alert"
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(32), unique=True)
    kind: Mapped[str] = mapped_column(String(24))
    danger: Mapped[str | None] = mapped_column(String(16))
    level: Mapped[str | None] = mapped_column(String(16))
    person_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"), index=True)
    status: Mapped[str] = mapped_column(String(16), index=True)
    policy: Mapped[list[Any]]
    story_sealed: Mapped[bytes | None]
    note_sealed: Mapped[bytes | None]
    count: Mapped[int] = mapped_column(default=1)
    raised_at: Mapped[datetime]
    last_at: Mapped[datetime]
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    next_step: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime | None] = mapped_column(index=True)
    check_backs: Mapped[int] = mapped_column(default=0)
    check_back_at: Mapped[datetime | None] = mapped_column(index=True)


class AlertStepRow(Id, Base):
    """A step of an alert's policy that was taken: whom it named, how many it reached, and when. The record of paging."""

    __tablename__ = "alert_step"
    alert_id: Mapped[str] = mapped_column(ForeignKey("alert.id"), index=True)
    step: Mapped[int]
    who: Mapped[str] = mapped_column(String(24))
    reached: Mapped[int]
    at: Mapped[datetime]


class AlertNoteRow(Id, Base):
    """What staff have written down about an alert while it is theirs: the record that somebody was in touch."""

    __tablename__ = "alert_note"
    alert_id: Mapped[str] = mapped_column(ForeignKey("alert.id"), index=True)
    staff_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    note_sealed: Mapped[bytes]
    at: Mapped[datetime]


class HandOverRow(Id, Base):
    """A stretch of time in which someone on staff writes with a person themselves, and the program keeps silent."""

    __tablename__ = "hand_over"
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"), index=True)
    staff_id: Mapped[str] = mapped_column(ForeignKey("person.id"), index=True)
    alert_id: Mapped[str | None] = mapped_column(ForeignKey("alert.id"))
    began_at: Mapped[datetime]
    # Moved on with each message; then it goes back to the program by itself.
    ends_at: Mapped[datetime]
    ended_at: Mapped[datetime | None] = mapped_column(index=True)
    ended_by: Mapped[str | None] = mapped_column(String(16))


class ArrangementRow(Id, Base):
    """A version of what a practice has arranged: its rota, its policies. Staff stand in it by their ids."""

    __tablename__ = "arrangement"
    __table_args__ = (UniqueConstraint("name", "version"),)
    name: Mapped[str] = mapped_column(String(16))
    version: Mapped[int]
    document: Mapped[dict[str, Any]]
    # Of a rota: gaps that end until then have been told.
    told_until: Mapped[datetime | None]
    made_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]


class AuditRow(Ordered, Base):
    """Append-only; each row carries the hash of the one before it, so that a change in the middle shows."""

    __tablename__ = "audit_event"
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(64))
    what: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(64))
    previous: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64))


class SignatureRow(Id, Base):
    """The practice's review of a fixed text: valid for exactly the words it was given for."""

    __tablename__ = "content_signature"
    piece: Mapped[str] = mapped_column(String(80), index=True)
    digest: Mapped[str] = mapped_column(String(64))
    signed_by: Mapped[str] = mapped_column(String(80))
    signed_at: Mapped[datetime]
