"""A message is answered once, whatever happens between claim and commit."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from starlette.responses import JSONResponse, Response

from bot.care.human import AskForHuman, FoundDanger
from bot.conversation.engine import readable
from bot.conversation.turn import SET_ASIDE_AFTER, Done
from bot.delivery.messages import InStatus
from bot.escalation.policy import AlertKind
from bot.safety.findings import Finding, Kind, Level, Net
from bot.store import conversations
from bot.store.conversations import Owner
from bot.store.tables import AlertRow, ConversationRow, FindingRow, InboundRow, QuestionRow
from tests.doubles.engine import Call, answer, found
from tests.doubles.house import House


class Gate:
    """Holds the engine's answer back until the story opens it."""

    def __init__(self, house: House) -> None:
        self.asked, self.open = asyncio.Event(), asyncio.Event()
        self._echo = house.engine.answers
        house.engine.answers = self._wait

    async def _wait(self, call: Call) -> Response:
        self.asked.set()
        await self.open.wait()
        return await self._echo(call)


async def test_a_worker_that_wakes_after_its_lease_commits_nothing(each_house: House) -> None:
    house = each_house
    await house.writes(house.client, "good evening")
    gate = Gate(house)
    late = asyncio.create_task(house.worker().run_once())
    await gate.asked.wait()

    house.move(seconds=31)
    house.engine.answers = gate._echo
    assert await house.worker().run_once() is Done.ANSWERED
    gate.open.set()
    assert await late is Done.LOST

    await house.app.settle()
    assert [line.text for line in house.client.new] == ["heard: good evening"]
    (row,) = await house.rows(InboundRow)
    assert row.status == InStatus.DONE


async def test_a_worker_that_is_killed_between_claim_and_commit_leaves_the_message_to_be_asked_again(
    each_house: House,
) -> None:
    house = each_house
    await house.writes(house.client, "good evening")
    gate = Gate(house)
    killed = asyncio.create_task(house.worker().run_once())
    await gate.asked.wait()
    killed.cancel()
    with pytest.raises(asyncio.CancelledError):
        await killed
    gate.open.set()
    house.engine.answers = gate._echo

    assert await house.worker().run_once() is Done.NOTHING, "the lease still stands"
    house.move(seconds=31)
    await house.app.settle()
    assert [line.text for line in house.client.new] == ["heard: good evening"]


async def test_many_workers_never_answer_one_conversation_at_the_same_time(each_house: House) -> None:
    house = each_house
    busy: set[str] = set()
    overlaps: list[str] = []
    order: dict[str, list[str]] = {}

    async def watch(call: Call) -> Response:
        who, _, number = call["text"].partition(" ")
        if who in busy:
            overlaps.append(call["text"])
        busy.add(who)
        await asyncio.sleep(0)
        order.setdefault(who, []).append(number)
        busy.discard(who)
        return answer(f"heard: {call['text']}")

    house.engine.answers = watch
    writers = (house.client, house.theo, house.family, house.father)
    for number in range(6):
        for someone in writers:
            await house.writes(someone, f"{someone.key} {number}")

    async def work() -> None:
        worker, idle = house.worker(), 0
        while idle < 10:
            idle = idle + 1 if await worker.run_once() is Done.NOTHING else 0

    await asyncio.gather(*(work() for _ in range(4)))
    assert not overlaps
    assert order == {someone.key: [str(number) for number in range(6)] for someone in writers}
    assert len(house.engine.asks) == 24, "each once"


async def test_a_poison_message_is_set_aside_with_an_honest_word_and_the_next_one_works(house: House) -> None:
    async def fails(call: Call) -> Response:
        if "poison" in call["text"]:
            return JSONResponse({"error": "ValueError"}, status_code=500)
        return answer(f"heard: {call['text']}")

    house.engine.answers = fails
    await house.writes(house.client, "a poison message")
    await house.writes(house.client, "good evening")
    for _ in range(4):
        await house.app.settle()
        house.move(seconds=10)

    assert house.engine.asks == ["a poison message"] * SET_ASIDE_AFTER + ["good evening"]
    assert [line.text[:20] for line in house.client.new] == ["Something went wrong", "heard: good evening"]
    page = house.staff.is_alerted(kind="technical")
    assert "poison" not in page.text
    rows = await house.rows(InboundRow)
    assert [row.status for row in rows] == [InStatus.SET_ASIDE, InStatus.DONE]
    assert "a poison message" in house.engine.reads, "net 2 has read even what could not be answered"


@pytest.mark.parametrize(
    "body",
    [
        {"replies": "not a list"},
        {},
        {"replies": [], "intent": {"name": "x", "confidence": 1}, "entities": [], "findings": [{"kind": "weather"}]},
        [1, 2],
    ],
)
async def test_an_answer_that_cannot_be_read_is_a_failure_like_any_other(house: House, body: Any) -> None:
    async def nonsense(call: Call) -> Response:
        return JSONResponse(body)

    house.engine.answers = nonsense
    await house.writes(house.client, "good evening")
    for _ in range(4):
        await house.app.settle()
        house.move(seconds=10)
    house.staff.is_alerted(kind="technical")
    house.client.hears("something went wrong on my side")


async def test_an_action_that_raises_is_no_silence(house: House) -> None:
    async def breaks(call: Call) -> Response:
        await house.engine.run_action(call, "action_breaks")
        return answer("")

    house.engine.answers = breaks
    await house.writes(house.client, "good evening")
    for _ in range(4):
        await house.app.settle()
        house.move(seconds=10)
    house.client.hears("something went wrong on my side")
    house.staff.is_alerted(kind="technical")
    (alert,) = await house.rows(AlertRow)
    assert "action_breaks raised an error" in await house.opened(alert, "story_sealed")


async def test_danger_that_net_2_found_is_answered_even_where_an_action_raised(house: House) -> None:
    async def breaks(call: Call) -> Response:
        await house.engine.run_action(call, "action_breaks")
        return answer("", findings=(found("suicide"),))

    house.engine.answers = breaks
    await house.writes(house.client, "it will be over soon for all of us")
    await house.app.settle()
    house.client.hears("988", lane="crisis")
    house.staff.is_alerted(danger="suicide", level="definite")
    assert len(house.engine.asks) == 1


async def test_with_the_engine_away_there_is_one_holding_reply_and_then_answers_in_order(house: House) -> None:
    house.engine.away()
    for text in ("one", "two", "three"):
        await house.writes(house.client, text)
        await house.app.settle()
    assert [line.text[:31] for line in house.client.new] == ["Part of this program is startin"]
    house.engine.back()
    house.move(seconds=2)
    await house.app.settle()
    assert [line.text for line in house.client.new][1:] == ["heard: one", "heard: two", "heard: three"]


async def test_who_writes_again_hours_later_is_told_again_that_the_engine_is_away(house: House) -> None:
    house.engine.away()
    await house.writes(house.client, "are you there")
    await house.app.settle()
    house.move(hours=3)
    await house.writes(house.client, "hello?")
    await house.app.settle()
    assert len(house.client.new) == 2


async def test_danger_in_the_next_message_is_not_talked_over_by_the_answer_to_the_one_before(
    each_house: House,
) -> None:
    house = each_house
    gate = Gate(house)
    await house.writes(house.client, "i had a fight with my mother")
    turn = asyncio.create_task(house.worker().run_once())
    await gate.asked.wait()
    await house.writes(house.client, "i want to kill myself")
    gate.open.set()
    assert await turn is Done.ANSWERED
    await house.app.settle()
    assert all(line.lane == "crisis" for line in house.client.new)
    house.client.does_not_hear("heard:")
    assert await house.owner(house.client) is Owner.PROTOCOL


async def test_what_was_asked_for_before_the_danger_still_reaches_staff(house: House) -> None:
    gate = Gate(house)
    await house.writes(house.client, "can i talk to ruth")
    turn = asyncio.create_task(house.worker().run_once())
    await gate.asked.wait()
    ((_, open_turn),) = house.engine.host.turns._turns.items()
    open_turn.stage(AskForHuman("asks for a person"))
    await house.writes(house.client, "i want to kill myself")
    gate.open.set()
    await turn
    assert {alert.kind for alert in await house.rows(AlertRow)} == {AlertKind.DANGER, AlertKind.HUMAN}


async def test_a_yes_from_before_the_question_does_not_answer_it(each_house: House) -> None:
    house = each_house
    house.engine.away()
    await house.writes(house.client, "yes lets do it")
    await house.writes(house.client, "i want to kill myself")
    await house.app.settle()
    (question,) = await house.rows(QuestionRow)
    assert question.outcome is None
    assert await house.owner(house.client) is Owner.PROTOCOL, "the question is still open"

    await house.writes(house.client, "2")
    await house.app.settle()
    assert await house.owner(house.client) is Owner.BOT, "this was an answer"


async def test_net_2_still_reads_what_the_question_has_overtaken(house: House) -> None:
    house.engine.finds["he took them all"] = found("overdose")
    house.engine.away()
    await house.writes(house.client, "he took them all")
    await house.writes(house.client, "i want to kill myself")
    await house.app.settle()
    house.engine.back()
    house.move(seconds=2)
    await house.app.settle()
    assert {row.kind for row in await house.rows(FindingRow)} >= {"suicide", "overdose"}


async def test_a_check_in_that_goes_out_while_the_engine_thinks_keeps_its_form(house: House) -> None:
    gate = Gate(house)
    await house.writes(house.client, "good morning")
    turn = asyncio.create_task(house.worker().run_once())
    await gate.asked.wait()
    async with house.store.write() as unit:
        (row,) = [r for r in await unit.session.scalars(select(ConversationRow)) if r.lease_until]
        state = conversations.State({"requested_slot": "check_craving"}, "check_in_form")
        conversations.save_state(unit, row, state, house.clock.now() + timedelta(hours=12))
    gate.open.set()
    await turn
    assert (await house.state(house.client))[0] == "check_in_form"


async def test_a_state_that_cannot_be_read_loses_no_message(house: House) -> None:
    async with house.store.write() as unit:
        for row in await unit.session.scalars(select(ConversationRow)):
            row.state_sealed = b"\x00" * 50
    await house.writes(house.client, "good evening")
    await house.app.settle()
    house.client.hears("heard: good evening")
    await house.writes(house.theo, "i want to kill myself")
    await house.app.settle()
    house.staff.is_alerted(danger="suicide")


async def test_a_danger_that_a_form_found_counts_even_where_the_turn_fails_afterwards(house: House) -> None:
    async def breaks(call: Call) -> Response:
        house.engine.host.turns[call["turn"]].stage(
            FoundDanger(Finding(Kind.SUICIDE, Level.DEFINITE, Net.SCREEN, "form.lapse_thoughts", "yes"))
        )
        return JSONResponse({"error": "broken"}, status_code=500)

    house.engine.answers = breaks
    await house.client.says("yes")
    house.client.hears("988", lane="crisis")
    house.staff.is_alerted(danger="suicide", level="definite")


async def test_who_asks_for_a_person_while_the_engine_is_away_gets_one(house: House) -> None:
    house.engine.away()
    await house.client.says("craving 9")
    await house.client.says("i want to talk to a person")
    house.staff.is_alerted(kind="human")
    await house.demo.forward(timedelta(seconds=30))
    (alert,) = [row for row in await house.rows(AlertRow) if row.kind == AlertKind.HUMAN]
    assert alert.count == 1


async def test_a_late_1_or_2_is_still_the_answer_to_the_last_question(house: House) -> None:
    await house.client.says("i want to kill myself")
    await house.client.says("1")
    await house.demo.forward(timedelta(hours=1))
    house.staff.catches_up()
    await house.client.says("2")
    assert not any("heard: 2" in line.text for line in house.client.new)
    house.client.hears("988|911", lane="crisis")


@pytest.mark.parametrize("text", ["/restart", "/ /restart", "/\x01/restart", " / / /restart", "\t/restart"])
def test_nobody_types_a_command_to_rasa(text: str) -> None:
    assert readable(text) == "restart"
