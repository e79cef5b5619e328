"""When someone may be in danger: the alert, the safety reply, the question, and what follows until staff close it.

Needs no engine and no network. Everything here happens in the caller's unit of work: in the one that stores the
message for net 1, in the turn's commit for net 2 and for what a form has found out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

from sqlalchemy import Select, func, select

from bot.content import Content
from bot.delivery import outbox
from bot.delivery.messages import Choice, Lane, Outbound, plain
from bot.escalation import alerts
from bot.escalation.policy import AlertKind, AlertStatus
from bot.recovery.check_in import next_due as next_local
from bot.recovery.people import Person
from bot.safety.findings import Finding, Kind, Level, Net, Subject, by_urgency
from bot.safety.protocol import ASKED_AT_MOST, Answer, Meaning, help_is_there, meaning, read_answer
from bot.store import conversations, people
from bot.store.database import Unit, new_id
from bot.store.tables import AlertRow, ConversationRow, FindingRow, OutboundRow, PersonRow, QuestionRow, SafePhoneRow

FIRST_CHECK_BACK = timedelta(minutes=30)
MORNING = time(9, 0)
LAST_CHECK_BACK = timedelta(hours=72)
_SILENT, _REPLACED = "silent", "replaced"
# So long a bare 1 or 2 still belongs to the safety question that was put last.
HEARD_FOR = timedelta(minutes=30)
STEPS = "steps"
_WITH_STEPS = frozenset({"definite", "danger", "silent"})


@dataclass(frozen=True, slots=True)
class Case:
    """Whom a danger was found with: the person, their conversation, and the words to use."""

    unit: Unit
    content: Content
    person: Person
    conversation: ConversationRow
    now: datetime

    async def say(self, text: str, alert: AlertRow, choices: tuple[Choice, ...] = ()) -> str | None:
        """Queue a text in the crisis lane; returns the message's id, or nothing where their phone must stay quiet."""
        if await self._quiet():
            return None
        message = Outbound(text, choices)
        (queued,) = await outbox.enqueue(
            self.unit, self.conversation, [message], Lane.CRISIS, self.now, alert_id=alert.id
        )
        return queued

    async def _quiet(self) -> bool:
        """Whether they have dropped the subject and not written since: what we say now, somebody else may read."""
        query = select(SafePhoneRow.quiet_until).where(SafePhoneRow.person_id == self.person.id)
        until = await self.unit.session.scalar(query)
        return until is not None and until > self.now

    def words(self, kind: Kind, moment: str, subject: Subject, at: int = 0, **values: str) -> str:
        """A text of the safety protocol, filled in."""
        texts = self.content.safety(kind, moment, subject, self.person.language).texts
        return self.content.fill(texts[at % len(texts)], self.person.country, self.person.language, **values)


async def respond(case: Case, findings: Sequence[Finding], story: str, message_id: str | None) -> None:
    """Raise the alert, send the safety reply and put its question: all in the caller's transaction."""
    ordered = by_urgency(findings)
    first = ordered[0]
    again = await _said_before(case, first)
    asked = await open_question(case.unit, case.person.id)
    alert, reached = await _raise(case, ordered, story, message_id)
    await _close_questions(case, _REPLACED)
    state = conversations.load_state(case.unit, case.conversation, case.now)
    state.close_form()
    conversations.save_state(case.unit, case.conversation, state, case.now + conversations.FRESH_FOR)
    if again and first.level is Level.DEFINITE:
        await _put(case, alert, first, "danger", at=again)
        return
    if again and asked is not None and asked.kind == first.kind:
        # What was asked is not answered, and the same is said again: like any answer that settles nothing.
        await _unsettled(case, alert, first, asked.attempts)
        return
    await _put(case, alert, first, str(first.level))
    if first.level is Level.DEFINITE:
        await case.say(case.words(first.kind, "alerted" if reached else "nobody", first.subject), alert)


async def note(case: Case, findings: Sequence[Finding], story: str, message_id: str | None) -> None:
    """What net 2 found afterwards in a message that has had its answer: told to staff.

    The person is spoken to anew only about a danger that they were not just asked about: two texts at once about the
    same thing, one of them to a message that was an answer, would only confuse them.
    """
    recent = case.now - timedelta(minutes=10)
    known = {
        alert.danger
        for alert in await alerts.open_alerts(case.unit, case.person.id, AlertKind.DANGER)
        if alert.level == Level.DEFINITE and alert.last_at > recent
    }
    if all(finding.kind in known for finding in findings):
        await _raise(case, by_urgency(findings), story, message_id)
    else:
        await respond(case, findings, story, message_id)


async def _put(
    case: Case, alert: AlertRow, finding: Finding, moment: str, *, at: int = 0, attempts: int = 1, step: int = 0
) -> None:
    """Say the words of a moment, and where they ask for a 1 or a 2 open the question that the answer belongs to."""
    piece = case.content.safety(finding.kind, moment, finding.subject, case.person.language)
    first = case.content.safety(finding.kind, str(Level.DEFINITE), finding.subject, case.person.language)
    walks = bool(first.steps) and step <= len(first.steps) and moment in _WITH_STEPS
    asks = piece.yes_means or (STEPS if walks else "")
    said = await case.say(case.words(finding.kind, moment, finding.subject, at=at), alert, _choices(asks))
    if asks:
        case.unit.session.add(
            QuestionRow(
                id=new_id(),
                conversation_id=case.conversation.id,
                alert_id=alert.id,
                kind=finding.kind,
                level=finding.level,
                subject=finding.subject,
                yes_means=asks,
                attempts=attempts,
                step=step,
                message_id=said,
                asked_at=case.now,
                deadline=case.now + case.content.urgency_of(finding).deadline,
            )
        )
        await case.unit.session.flush()


async def ask_about_media(case: Case, what: str, caption: str, *, speak: bool = True) -> None:
    """Something came that only a person can see or hear: say so, ask whether they are safe, and tell staff.

    Silence after it means nothing by itself: most pictures are of no danger. A "no" is a danger.
    """
    story = f"{case.now:%d %b %H:%M} UTC, sent {what or 'something'} that Handrail cannot read. Ask them what it was."
    if caption.strip():
        story += f" They wrote with it: {plain(caption)}"
    alert, _ = await alerts.raise_alert(
        case.unit, alerts.Raising(AlertKind.MEDIA, case.person.id, story=story), case.now
    )
    if not speak:
        return
    if await open_question(case.unit, case.person.id) is not None:
        # What was asked before still waits for its answer, and comes first.
        await case.say(case.words(Kind.SUICIDE, "media_again", Subject.SELF), alert)
        return
    await _put(case, alert, Finding(Kind.SUICIDE, Level.POSSIBLE, Net.FORM, "media", ""), "media")


async def _said_before(case: Case, finding: Finding) -> int:
    """How often this safety reply went out in the last ten minutes: nobody needs the same words twice in a row."""
    query = (
        select(func.count())
        .select_from(QuestionRow)
        .join(ConversationRow, ConversationRow.id == QuestionRow.conversation_id)
        .where(
            ConversationRow.person_id == case.person.id,
            QuestionRow.kind == finding.kind,
            QuestionRow.level == finding.level,
            # What is asked after a picture is asked of everyone, and says nothing of what they wrote.
            QuestionRow.alert_id.not_in(select(AlertRow.id).where(AlertRow.kind == AlertKind.MEDIA)),
            QuestionRow.asked_at > case.now - timedelta(minutes=10),
        )
    )
    return int(await case.unit.session.scalar(query) or 0)


async def _raise(case: Case, findings: Sequence[Finding], story: str, message_id: str | None) -> tuple[AlertRow, int]:
    """One alert for each kind of danger, the most urgent first; returns that one and whom it reached."""
    raised: tuple[AlertRow, int] | None = None
    for kind in dict.fromkeys(finding.kind for finding in findings):
        of_kind = [finding for finding in findings if finding.kind is kind]
        worst = of_kind[0]
        about = "about someone else" if worst.subject is Subject.OTHER else "about themselves"
        alert, reached = await alerts.raise_alert(
            case.unit,
            alerts.Raising(
                AlertKind.DANGER,
                case.person.id,
                danger=worst.kind,
                level=worst.level,
                story=f"{case.now:%d %b %H:%M} UTC, {about}: {plain(story)}",
                page=case.content.urgency_of(worst).page,
            ),
            case.now,
        )
        # A danger that joins an older alert starts the check-backs anew: the next one must not wait until morning.
        alert.check_back_at, alert.check_backs = case.now + FIRST_CHECK_BACK, 0
        for finding in of_kind:
            row_id = new_id()
            case.unit.session.add(
                FindingRow(
                    id=row_id,
                    message_id=message_id,
                    alert_id=alert.id,
                    kind=finding.kind,
                    level=finding.level,
                    net=finding.net,
                    rule=finding.rule,
                    subject=finding.subject,
                    matched_sealed=case.unit.seal(FindingRow, "matched_sealed", row_id, finding.matched),
                    at=case.now,
                )
            )
        raised = raised or (alert, reached)
    if raised is None:
        raise ValueError("no finding to raise an alert for")
    return raised


def _choices(asks: str) -> tuple[Choice, ...]:
    if asks == STEPS:
        return (Choice("1 next step", "1"), Choice("2 I can't", "2"))
    return (Choice("1 yes", "1"), Choice("2 no", "2")) if asks else ()


def _questions(person_id: str) -> Select[QuestionRow]:
    """The safety questions put to someone, on whatever phone: they may answer on another."""
    return (
        select(QuestionRow)
        .join(ConversationRow, ConversationRow.id == QuestionRow.conversation_id)
        .where(ConversationRow.person_id == person_id)
    )


async def open_question(unit: Unit, person_id: str) -> QuestionRow | None:
    """The safety question that waits for someone's answer."""
    query = _questions(person_id).where(QuestionRow.outcome.is_(None)).with_for_update(of=QuestionRow)
    found: QuestionRow | None = (await unit.session.scalars(query)).first()
    return found


async def _close_questions(case: Case, outcome: str) -> None:
    """End what the person was asked before."""
    for row in await case.unit.session.scalars(_questions(case.person.id).where(QuestionRow.outcome.is_(None))):
        row.outcome = outcome


async def answer(case: Case, text: str) -> bool:
    """Read a message as the answer to the open question; returns whether it was one.

    What settles nothing is asked once more, otherwise worded. Settling nothing twice makes a possible danger
    definite, and gives the conversation back: the bot then answers what is asked.
    """
    question = await open_question(case.unit, case.person.id)
    if question is None:
        return False
    alert = await _alert(case.unit, question.alert_id)
    finding = _finding(question)
    if alert.kind == AlertKind.MEDIA:
        return await _after_media(case, question, finding, text)
    if question.yes_means == STEPS:
        await _next_step(case, question, alert, finding, text)
        return True
    found = meaning(text, Meaning(question.yes_means))
    question.outcome = found
    if found is Meaning.UNCLEAR:
        if question.attempts < ASKED_AT_MOST or finding.level is Level.POSSIBLE:
            await _unsettled(case, alert, finding, question.attempts)
        else:
            if _taken_a_while_ago(alert):
                await _page_definite(case, alert, "they do not say that they are safe")
            return False
        return True
    await _put(case, alert, finding, str(found), attempts=ASKED_AT_MOST)
    if found is Meaning.DANGER and (finding.level is Level.POSSIBLE or alert.status == AlertStatus.ACKNOWLEDGED):
        await _page_definite(case, alert, "they answered that they are not safe")
    elif found is Meaning.DANGER:
        await _others_too(case, alert, "they answered that they are not safe")
    return True


async def question_of(unit: Unit, person_id: str, message_id: str) -> QuestionRow | None:
    """The safety question that a message of ours put to someone, however long ago.

    What did not reach them on one phone was sent to another as well: the copy puts the newest question of its alert.
    """
    own = (await unit.session.scalars(_questions(person_id).where(QuestionRow.message_id == message_id))).first()
    if own is not None:
        return own
    alert_id = select(OutboundRow.alert_id).where(OutboundRow.id == message_id, OutboundRow.lane == int(Lane.CRISIS))
    query = _questions(person_id).where(QuestionRow.alert_id == alert_id.scalar_subquery())
    newest: QuestionRow | None = (
        await unit.session.scalars(query.order_by(QuestionRow.asked_at.desc(), QuestionRow.id).limit(1))
    ).first()
    return newest


async def tapped(case: Case, message_id: str, text: str) -> None:
    """A button below a safety question was pressed; of the open one it is the answer.

    Of an older one, a danger told there counts as much as ever: people think again, and scroll back. "Safe" does not
    settle what has been asked anew since; that question is put once more.
    """
    older = await question_of(case.unit, case.person.id, message_id)
    question = await open_question(case.unit, case.person.id)
    if older is None:
        return
    if question is not None and (question.id == older.id or question.yes_means == STEPS):
        await answer(case, text)
        return
    if older.yes_means != STEPS and meaning(text, Meaning(older.yes_means)) is Meaning.DANGER:
        await _not_safe_after_all(case, older)
        return
    alert, finding = await _alert(case.unit, older.alert_id), _finding(older)
    if question is not None:
        alert, finding = await _alert(case.unit, question.alert_id), _finding(question)
        words = case.words(finding.kind, "unclear", finding.subject)
        question.message_id = await case.say(words, alert, _choices(question.yes_means))
    elif alert.status != AlertStatus.CLOSED and alert.kind == AlertKind.DANGER:
        await case.say(case.words(finding.kind, str(Meaning.SAFE), finding.subject), alert)


async def not_safe_after_all(case: Case, text: str) -> bool:
    """Hear a "not safe" that comes when its question is settled, or in a form in which nobody answers; returns whether it was.

    Counts while nothing else has been asked since: after that a 2 is the answer to something else.
    """
    query = _questions(case.person.id).order_by(QuestionRow.asked_at.desc(), QuestionRow.id).limit(1)
    last = (await case.unit.session.scalars(query)).first()
    if last is None or last.yes_means == STEPS or case.now - last.asked_at > HEARD_FOR:
        return False
    if meaning(text, Meaning(last.yes_means)) is not Meaning.DANGER:
        return False
    if await outbox.asked_since(case.unit, case.conversation.contact_point_id, last.asked_at):
        return False
    await _not_safe_after_all(case, last)
    return True


async def _not_safe_after_all(case: Case, question: QuestionRow) -> None:
    alert, finding = await _alert(case.unit, question.alert_id), _finding(question)
    question.outcome = Meaning.DANGER
    if alert.kind != AlertKind.DANGER or alert.status == AlertStatus.CLOSED:
        await respond(case, [replace(finding, level=Level.DEFINITE, rule="not safe, said later")], "not safe", None)
        return
    await _page_definite(case, alert, "they answered an earlier question: not safe")
    await _close_questions(case, _REPLACED)
    await _put(case, alert, replace(finding, level=Level.DEFINITE), str(Meaning.DANGER), attempts=ASKED_AT_MOST)


async def _after_media(case: Case, question: QuestionRow, finding: Finding, text: str) -> bool:
    """The answer to what was asked after a picture: a no is danger, anything else the bot answers as it would."""
    found = meaning(text, Meaning(question.yes_means))
    question.outcome = found
    if found is Meaning.DANGER:
        danger_told = replace(finding, level=Level.DEFINITE, rule="not safe, after something that cannot be read")
        await respond(case, [danger_told], text, None)
        return True
    if found is Meaning.SAFE:
        await case.say(
            case.words(finding.kind, "media_safe", finding.subject), await _alert(case.unit, question.alert_id)
        )
        return True
    return False


async def _unsettled(case: Case, alert: AlertRow, finding: Finding, attempts: int) -> None:
    """Ask once more in other words; the second time the doubt itself is reason enough to page."""
    if attempts < ASKED_AT_MOST:
        await _put(case, alert, finding, "unclear", attempts=attempts + 1)
        return
    reached = await _page_definite(case, alert, "two answers that settled nothing")
    await case.say(case.words(finding.kind, "alerted" if reached else "nobody", finding.subject), alert)


async def _next_step(case: Case, question: QuestionRow, alert: AlertRow, finding: Finding, text: str) -> None:
    """The next of numbered steps. Only a plain no halts them: whoever writes anything else needs what comes next."""
    piece = case.content.safety(finding.kind, str(Level.DEFINITE), finding.subject, case.person.language)
    step = question.step
    if read_answer(text) is Answer.NO and question.attempts < ASKED_AT_MOST:
        question.outcome = Meaning.DANGER
        await _put(case, alert, finding, "danger", attempts=question.attempts + 1, step=step)
        return
    if step >= len(piece.steps) or read_answer(text) is Answer.NO or help_is_there(text):
        question.outcome = "done"
        await case.say(case.words(finding.kind, "steps_done", finding.subject), alert)
        return
    question.step = step + 1
    question.deadline = case.now + case.content.urgency_of(finding).deadline
    said = case.content.fill(piece.steps[step], case.person.country, case.person.language)
    question.message_id = await case.say(said, alert, _choices(STEPS))


async def _make_definite(case: Case, alert: AlertRow, finding: Finding, why: str) -> None:
    reached = await _page_definite(case, alert, why)
    moment = "silent" if reached else "nobody"
    await _put(case, alert, replace(finding, level=Level.DEFINITE), moment, attempts=ASKED_AT_MOST)


async def _page_definite(case: Case, alert: AlertRow, why: str) -> int:
    await _others_too(case, alert, why)
    return await _now_definite(case, alert, why)


async def _others_too(case: Case, alert: AlertRow, why: str) -> None:
    """Make the same person's other possible dangers of this hour definite.

    A newer question has taken the place of theirs, so that a bad answer to it, or none, is theirs as well.
    """
    for other in await alerts.open_alerts(case.unit, case.person.id, AlertKind.DANGER):
        if other.id != alert.id and other.level == Level.POSSIBLE and case.now - other.last_at < timedelta(hours=1):
            await _now_definite(case, other, why)


async def _now_definite(case: Case, alert: AlertRow, why: str) -> int:
    story = f"{case.now:%d %b %H:%M} UTC, now definite: {why}."
    what = alerts.Raising(AlertKind.DANGER, case.person.id, danger=alert.danger, level=Level.DEFINITE, story=story)
    _, reached = await alerts.raise_alert(case.unit, what, case.now)
    return reached


async def expire_questions(unit: Unit, content: Content, now: datetime) -> int:
    """End safety questions whose time is over: silence makes a possible danger definite. Returns how many there were."""
    query = (
        select(QuestionRow)
        .where(QuestionRow.outcome.is_(None), QuestionRow.deadline <= now)
        .limit(50)
        .with_for_update(skip_locked=True)
    )
    due = (await unit.session.scalars(query)).all()
    for question in due:
        # A question that cannot be ended stays due and is tried again; it holds up no other.
        async with unit.apart("safety question", question.id):
            await _expire(unit, content, question, now)
    return len(due)


async def _expire(unit: Unit, content: Content, question: QuestionRow, now: datetime) -> None:
    conversation = await conversations.get(unit, question.conversation_id)
    case = Case(unit, content, await people.get(unit, conversation.person_id), conversation, now)
    alert = await _alert(unit, question.alert_id)
    question.outcome = _SILENT
    if alert.status == AlertStatus.CLOSED or alert.kind == AlertKind.MEDIA:
        return
    finding = _finding(question)
    if finding.level is Level.POSSIBLE:
        await _make_definite(case, alert, finding, "no answer in time")
    elif question.attempts < ASKED_AT_MOST:
        await _others_too(case, alert, "no answer in time")
        moment = "silent" if await alerts.reached(unit, alert) else "nobody"
        await _put(case, alert, finding, moment, attempts=ASKED_AT_MOST, step=question.step)
    elif _taken_a_while_ago(alert):
        # Somebody took it, and now nobody knows how this person is: that is news.
        await _page_definite(case, alert, "no answer to the question how they are")


def _taken_a_while_ago(alert: AlertRow) -> bool:
    """Whether somebody on staff has taken an alert and its first check-back has come since."""
    return alert.status == AlertStatus.ACKNOWLEDGED and alert.check_backs > 0


async def next_question(unit: Unit) -> datetime | None:
    """When the next safety question runs out."""
    found: datetime | None = await unit.session.scalar(
        select(func.min(QuestionRow.deadline)).where(QuestionRow.outcome.is_(None))
    )
    return found


async def check_back(unit: Unit, content: Content, now: datetime) -> int:
    """Ask again how someone is, after 30 minutes, the next morning and after 72 hours, until staff close the alert."""
    query = (
        select(AlertRow)
        .where(AlertRow.status != AlertStatus.CLOSED, AlertRow.check_back_at <= now)
        .order_by(AlertRow.check_back_at)
        .limit(50)
        .with_for_update(skip_locked=True)
    )
    due = (await unit.session.scalars(query)).all()
    for alert in due:
        async with unit.apart("check-back", alert.number):
            await _check_back(unit, content, alert, now)
    return len(due)


async def _check_back(unit: Unit, content: Content, alert: AlertRow, now: datetime) -> None:
    row = await unit.session.get_one(PersonRow, alert.person_id)
    person = people.person_of(unit, row)
    conversation = await conversations.of_person(unit, person.id)
    if conversation is None:
        # Nobody can be asked; whoever has the alert must not be kept behind it.
        alert.check_back_at = None
        return
    case = Case(unit, content, person, conversation, now)
    kind, subject = Kind(str(alert.danger)), await _subject(unit, alert)
    # Whoever is being asked already, about this or another danger, is not asked twice at once.
    if await open_question(unit, person.id) is None:
        if alert.check_backs == 0 and alert.status == AlertStatus.OPEN:
            await case.say(case.words(kind, "unread", subject), alert)
        asked = Finding(kind, Level.DEFINITE, Net.FORM, "check-back", "", subject)
        await _put(case, alert, asked, "check_back", at=alert.check_backs, attempts=ASKED_AT_MOST)
    alert.check_backs += 1
    if alert.check_backs == 1:
        alert.check_back_at = next_local(now, person.zone, MORNING)
    elif now < alert.raised_at + LAST_CHECK_BACK:
        alert.check_back_at = alert.raised_at + LAST_CHECK_BACK
    else:
        alert.check_back_at = next_local(now + timedelta(hours=12), person.zone, MORNING)


async def next_check_back(unit: Unit) -> datetime | None:
    """When someone is next asked how they are."""
    found: datetime | None = await unit.session.scalar(
        select(func.min(AlertRow.check_back_at)).where(AlertRow.status != AlertStatus.CLOSED)
    )
    return found


async def acknowledged(unit: Unit, content: Content, alert: AlertRow, staff: Person, now: datetime) -> None:
    """Tell the person in danger who has read their alert, with no time promised."""
    if alert.kind != AlertKind.DANGER or alert.person_id is None:
        return
    conversation = await conversations.of_person(unit, alert.person_id)
    if conversation is None:
        return
    case = Case(unit, content, await people.get(unit, alert.person_id), conversation, now)
    words = case.words(Kind(str(alert.danger)), "acknowledged", await _subject(unit, alert), name=staff.first_name)
    await case.say(words, alert)


async def closed(unit: Unit, alert: AlertRow) -> None:
    """Staff have closed an alert: its questions wait for no answer any more."""
    query = select(QuestionRow).where(QuestionRow.alert_id == alert.id, QuestionRow.outcome.is_(None))
    for question in await unit.session.scalars(query):
        question.outcome = "closed"


async def ask_again(unit: Unit, person_id: str) -> bool:
    """Take up the question that was put last and ran out unanswered; returns whether there is one.

    The message with its 1 and 2 still stands on the person's screen, however late they answer it.
    """
    last = (await unit.session.scalars(_questions(person_id).order_by(QuestionRow.asked_at.desc()).limit(1))).first()
    if last is None or last.outcome != _SILENT or (await _alert(unit, last.alert_id)).status == AlertStatus.CLOSED:
        return False
    last.outcome = None
    return True


async def is_open_for(unit: Unit, person_id: str) -> bool:
    """Whether a danger alert about this person waits for staff: then nothing of our own is started."""
    return bool(await alerts.open_alerts(unit, person_id, AlertKind.DANGER))


async def check_in_unwanted(
    unit: Unit, messages: Sequence[outbox.Leased], _now: datetime
) -> Mapping[str, str | datetime]:
    """Which check-ins are not sent: staff have an open danger alert about that person."""
    people_asked = {m.person_id for m in messages if m.lane is Lane.CHECK_IN}
    if not people_asked:
        return {}
    query = select(AlertRow.person_id).where(
        AlertRow.person_id.in_(people_asked), AlertRow.kind == AlertKind.DANGER, AlertRow.status != AlertStatus.CLOSED
    )
    in_danger = set(await unit.session.scalars(query))
    return {m.id: "a danger alert is open" for m in messages if m.lane is Lane.CHECK_IN and m.person_id in in_danger}


async def left(case: Case) -> None:
    """Someone has dropped the subject with their word while a danger is open: no question waits on their screen now."""
    for alert in await alerts.open_alerts(case.unit, case.person.id, AlertKind.DANGER):
        why = "they left with their exit word: somebody may be with them. Do not write, and do not say who you are"
        await _close_questions(case, _SILENT)
        await _page_definite(case, alert, why)


async def not_reached(unit: Unit, content: Content, alert_id: str, why: str, now: datetime) -> None:
    """What we said or asked did not reach someone, or they want no more messages: a possible danger is definite then."""
    alert = await _alert(unit, alert_id)
    if alert.kind != AlertKind.DANGER or alert.person_id is None or alert.status == AlertStatus.CLOSED:
        return
    conversation = await conversations.of_person(unit, alert.person_id)
    if conversation is None or alert.level == Level.DEFINITE:
        return
    case = Case(unit, content, await people.get(unit, alert.person_id), conversation, now)
    await _close_questions(case, _SILENT)
    await _page_definite(case, alert, why)


async def _alert(unit: Unit, alert_id: str) -> AlertRow:
    return (await unit.session.scalars(select(AlertRow).where(AlertRow.id == alert_id).with_for_update())).one()


async def _subject(unit: Unit, alert: AlertRow) -> Subject:
    query = select(FindingRow.subject).where(FindingRow.alert_id == alert.id).order_by(FindingRow.at)
    return Subject((await unit.session.scalars(query)).first() or Subject.SELF)


def _finding(question: QuestionRow) -> Finding:
    return Finding(Kind(question.kind), Level(question.level), Net.FORM, "question", "", Subject(question.subject))
