"""The safety protocol with one person: the safety reply, its question, the answers and the silence that follow it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Select, func, select

from bot.care import danger
from bot.care.case import Case
from bot.content import Content
from bot.delivery import outbox
from bot.delivery.messages import Choice, Lane, plain
from bot.escalation import alerts, paging
from bot.escalation.policy import AlertKind, AlertStatus
from bot.safety.findings import Finding, Kind, Level, Net, Subject, by_urgency
from bot.safety.protocol import ASKED_AT_MOST, Answer, Meaning, help_is_there, meaning, read_answer
from bot.store import conversations, people
from bot.store.database import Unit, new_id
from bot.store.tables import AlertRow, ConversationRow, OutboundRow, QuestionRow

_SILENT, _REPLACED = "silent", "replaced"
# So long a bare 1 or 2 still belongs to the safety question that was put last.
HEARD_FOR = timedelta(minutes=30)
STEPS = "steps"
# How what says where somebody is begins, as the channels name it.
_PLACES = ("a location", "a place")
_WITH_STEPS = frozenset({"definite", "danger", "silent"})


async def respond(case: Case, findings: Sequence[Finding], story: str, message_id: str | None) -> None:
    """Raise the alert, send the safety reply and put its question: all in the caller's transaction."""
    ordered = by_urgency(findings)
    first = ordered[0]
    again = await _said_before(case, first)
    asked = await open_question(case.unit, case.person.id)
    alert, reached = await danger.raise_for(case, ordered, story, message_id)
    await _close_questions(case, _REPLACED)
    state = conversations.load_state(case.unit, case.conversation, case.now)
    state.close_form()
    conversations.save_state(case.unit, case.conversation, state, case.now + conversations.FRESH_FOR)
    if again and first.level is Level.DEFINITE:
        await put(case, alert, first, "danger", at=again)
        return
    if again and asked is not None and asked.kind == first.kind:
        # What was asked is not answered, and the same is said again: like any answer that settles nothing.
        await _unsettled(case, alert, first, asked.attempts)
        return
    await put(case, alert, first, str(first.level))
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
        await danger.raise_for(case, by_urgency(findings), story, message_id)
    else:
        await respond(case, findings, story, message_id)


async def ask_about_media(case: Case, what: str, caption: str, *, speak: bool = True) -> None:
    """Something came that only a person can see or hear: say so, ask whether they are safe, and tell staff.

    A place is no picture: staff have it with its coordinates, and that is said.
    Silence after it means nothing by itself: most pictures are of no danger. A "no" is a danger.
    """
    place = what.startswith(_PLACES)
    ask = "Ask them what is there." if place else "Ask them what it was."
    story = f"{case.now:%d %b %H:%M} UTC, sent {what or 'something'} that Handrail cannot read. {ask}"
    if caption.strip():
        story += f" They wrote with it: {plain(caption)}"
    alert, _ = await alerts.raise_alert(
        case.unit, alerts.Raising(AlertKind.MEDIA, case.person.id, story=story), case.now
    )
    if not speak:
        return
    if await open_question(case.unit, case.person.id) is not None:
        # What was asked before still waits for its answer, and comes first.
        await case.say(case.words(Kind.SUICIDE, "place_again" if place else "media_again", Subject.SELF), alert)
        return
    moment = "place" if place else "media"
    await put(case, alert, Finding(Kind.SUICIDE, Level.POSSIBLE, Net.FORM, "media", ""), moment)


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


async def put(
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
    alert = await danger.alert_of(case.unit, question.alert_id)
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
                await danger.page_definite(case, alert, "they do not say that they are safe")
            return False
        return True
    await put(case, alert, finding, str(found), attempts=ASKED_AT_MOST)
    if found is Meaning.DANGER and (finding.level is Level.POSSIBLE or alert.status == AlertStatus.ACKNOWLEDGED):
        await danger.page_definite(case, alert, "they answered that they are not safe")
    elif found is Meaning.DANGER:
        await danger.others_too(case, alert, "they answered that they are not safe")
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
    alert, finding = await danger.alert_of(case.unit, older.alert_id), _finding(older)
    if question is not None:
        alert, finding = await danger.alert_of(case.unit, question.alert_id), _finding(question)
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
    alert, finding = await danger.alert_of(case.unit, question.alert_id), _finding(question)
    question.outcome = Meaning.DANGER
    if alert.kind != AlertKind.DANGER or alert.status == AlertStatus.CLOSED:
        await respond(case, [replace(finding, level=Level.DEFINITE, rule="not safe, said later")], "not safe", None)
        return
    await danger.page_definite(case, alert, "they answered an earlier question: not safe")
    await _close_questions(case, _REPLACED)
    await put(case, alert, replace(finding, level=Level.DEFINITE), str(Meaning.DANGER), attempts=ASKED_AT_MOST)


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
            case.words(finding.kind, "media_safe", finding.subject), await danger.alert_of(case.unit, question.alert_id)
        )
        return True
    return False


async def _unsettled(case: Case, alert: AlertRow, finding: Finding, attempts: int) -> None:
    """Ask once more in other words; the second time the doubt itself is reason enough to page."""
    if attempts < ASKED_AT_MOST:
        await put(case, alert, finding, "unclear", attempts=attempts + 1)
        return
    reached = await danger.page_definite(case, alert, "two answers that settled nothing")
    await case.say(case.words(finding.kind, "alerted" if reached else "nobody", finding.subject), alert)


async def _next_step(case: Case, question: QuestionRow, alert: AlertRow, finding: Finding, text: str) -> None:
    """The next of numbered steps. Only a plain no halts them: whoever writes anything else needs what comes next."""
    piece = case.content.safety(finding.kind, str(Level.DEFINITE), finding.subject, case.person.language)
    step = question.step
    if read_answer(text) is Answer.NO and question.attempts < ASKED_AT_MOST:
        question.outcome = Meaning.DANGER
        await put(case, alert, finding, "danger", attempts=question.attempts + 1, step=step)
        return
    if step >= len(piece.steps) or read_answer(text) is Answer.NO or help_is_there(text):
        question.outcome = "done"
        await case.say(case.words(finding.kind, "steps_done", finding.subject), alert)
        return
    question.step = step + 1
    question.deadline = case.now + case.content.urgency_of(finding).deadline
    said = case.content.fill(piece.steps[step], case.person.country, case.person.language)
    question.message_id = await case.say(said, alert, _choices(STEPS))


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
    alert = await danger.alert_of(unit, question.alert_id)
    question.outcome = _SILENT
    if alert.status == AlertStatus.CLOSED or alert.kind == AlertKind.MEDIA:
        return
    finding = _finding(question)
    if finding.level is Level.POSSIBLE:
        await _make_definite(case, alert, finding, "no answer in time")
    elif question.attempts < ASKED_AT_MOST:
        await danger.others_too(case, alert, "no answer in time")
        moment = "silent" if await paging.reached(unit, alert) else "nobody"
        await put(case, alert, finding, moment, attempts=ASKED_AT_MOST, step=question.step)
    elif _taken_a_while_ago(alert):
        # Somebody took it, and now nobody knows how this person is: that is news.
        await danger.page_definite(case, alert, "no answer to the question how they are")


async def _make_definite(case: Case, alert: AlertRow, finding: Finding, why: str) -> None:
    reached = await danger.page_definite(case, alert, why)
    moment = "silent" if reached else "nobody"
    await put(case, alert, replace(finding, level=Level.DEFINITE), moment, attempts=ASKED_AT_MOST)


async def next_question(unit: Unit) -> datetime | None:
    """When the next safety question runs out."""
    found: datetime | None = await unit.session.scalar(
        select(func.min(QuestionRow.deadline)).where(QuestionRow.outcome.is_(None))
    )
    return found


async def ask_again(unit: Unit, person_id: str) -> bool:
    """Take up the question that was put last and ran out unanswered; returns whether there is one.

    The message with its 1 and 2 still stands on the person's screen, however late they answer it.
    """
    last = (await unit.session.scalars(_questions(person_id).order_by(QuestionRow.asked_at.desc()).limit(1))).first()
    if (
        last is None
        or last.outcome != _SILENT
        or (await danger.alert_of(unit, last.alert_id)).status == AlertStatus.CLOSED
    ):
        return False
    last.outcome = None
    return True


async def left(case: Case) -> None:
    """Someone has dropped the subject with their word while a danger is open: no question waits on their screen now."""
    for alert in await alerts.open_alerts(case.unit, case.person.id, AlertKind.DANGER):
        why = "they left with their exit word: somebody may be with them. Do not write, and do not say who you are"
        await _close_questions(case, _SILENT)
        await danger.page_definite(case, alert, why)


async def not_reached(unit: Unit, content: Content, alert_id: str, why: str, now: datetime) -> None:
    """What we said or asked did not reach someone, or they want no more messages: a possible danger is definite then."""
    alert = await danger.alert_of(unit, alert_id)
    if alert.kind != AlertKind.DANGER or alert.person_id is None or alert.status == AlertStatus.CLOSED:
        return
    conversation = await conversations.of_person(unit, alert.person_id)
    if conversation is None or alert.level == Level.DEFINITE:
        return
    case = Case(unit, content, await people.get(unit, alert.person_id), conversation, now)
    await _close_questions(case, _SILENT)
    await danger.page_definite(case, alert, why)


async def closed(unit: Unit, alert: AlertRow) -> None:
    """Staff have closed an alert: its questions wait for no answer any more.

    But for rescue steps: whoever is in the middle of them goes on until they say that it is over.
    """
    query = select(QuestionRow).where(
        QuestionRow.alert_id == alert.id, QuestionRow.outcome.is_(None), QuestionRow.yes_means != STEPS
    )
    for question in await unit.session.scalars(query):
        question.outcome = "closed"


def _taken_a_while_ago(alert: AlertRow) -> bool:
    """Whether somebody on staff has taken an alert and its first check-back has come since."""
    return alert.status == AlertStatus.ACKNOWLEDGED and alert.check_backs > 0


def _finding(question: QuestionRow) -> Finding:
    return Finding(Kind(question.kind), Level(question.level), Net.FORM, "question", "", Subject(question.subject))
