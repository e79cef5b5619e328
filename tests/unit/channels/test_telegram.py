"""Telegram: what an update is heard as, and that none is confirmed before it is kept."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from bot.channels import telegram
from bot.channels.telegram import TelegramBot
from bot.channels.telegram_reading import Polling, right_secret
from bot.channels.telegram_updates import MOST_KEPT, Ignored, Undecodable
from bot.conversation.reception import NotKept
from bot.delivery.messages import Ask, Inbound, Shape
from bot.store.database import new_id
from tests.doubles.telegram import BotDouble, ChatDouble, telegram_double
from tests.unit.channels.conftest import CHAT, TOKEN, Line, Patience, telegram_line, until

BOT = TelegramBot(telegram.CLIENTS, TOKEN)
ID = "0123456789abcdef" * 2
MAYA = {"id": CHAT, "is_bot": False, "first_name": "Maya", "language_code": "es-MX"}
PRIVATE = {"id": CHAT, "type": "private", "first_name": "Maya"}
FILE = {"file_id": "f", "file_unique_id": "u", "file_size": 1}
# Some long way beyond what any parser of JSON goes down.
DEEP = "[" * 50_000 + "]" * 50_000


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    async with telegram_line() as line:
        yield line


@pytest.fixture
def chat(line: Line) -> ChatDouble:
    return line.person  # type: ignore[no-any-return]


@pytest.fixture
def double(line: Line) -> BotDouble:
    return line.provider  # type: ignore[no-any-return]


def message(**content: Any) -> dict[str, Any]:
    return {"message_id": 7, "from": MAYA, "chat": PRIVATE, "date": 1_772_000_000, **content}


def update(kind: str = "message", **content: Any) -> dict[str, Any]:
    return {"update_id": 50, kind: message(**content)}


def heard(raw: Any) -> Inbound:
    return BOT.decode(raw).message


# What people send


def test_a_text_is_heard_as_it_was_written() -> None:
    came = heard(update(text="  /  hi \U0001f600 there\n"))
    assert (came.channel, came.address, came.text) == ("telegram", str(CHAT), "  /  hi \U0001f600 there\n")
    assert (came.shape, came.ask, came.tapped, came.media) == (Shape.TEXT, None, None, "")
    assert (came.language, came.keywords, came.answered) == ("es", False, False)


async def test_a_change_of_a_text_is_another_message_of_its_own(chat: ChatDouble) -> None:
    written = heard(chat.writes("I am fine"))
    changed = heard(chat.edits(text="I want to die"))
    again = heard(chat.edits(text="I want to live"))
    assert (changed.text, changed.shape) == ("I want to die", Shape.EDIT)
    assert len({written.provider_id, changed.provider_id, again.provider_id}) == 3


def test_a_changed_caption_is_heard() -> None:
    came = heard(
        update("edited_message", caption="I want to die", photo=[{**FILE, "width": 1, "height": 1}], edit_date=5)
    )
    assert (came.text, came.shape) == ("I want to die", Shape.EDIT)


@pytest.mark.parametrize(
    ("content", "media", "text"),
    [
        ({"photo": [{**FILE, "width": 1, "height": 1}], "caption": "look"}, "a picture", "look"),
        ({"photo": [{**FILE, "width": 1, "height": 1}]}, "a picture", ""),
        ({"voice": {**FILE, "duration": 3}}, "a voice message", ""),
        ({"audio": {**FILE, "duration": 3}, "caption": "our song"}, "a recording", "our song"),
        ({"video": {**FILE, "width": 1, "height": 1, "duration": 3}, "caption": "see"}, "a video", "see"),
        ({"video_note": {**FILE, "length": 1, "duration": 3}}, "a video", ""),
        ({"document": FILE, "caption": "my letter"}, "a file", "my letter"),
        ({"animation": {**FILE, "width": 1, "height": 1, "duration": 3}, "document": FILE}, "a moving picture", ""),
        ({"contact": {"phone_number": "+15550188", "first_name": "Sam"}}, "a contact", ""),
        ({"location": {"latitude": 40.5, "longitude": -73.25}}, "a location (40.50000, -73.25000)", ""),
        ({"something_of_next_year": {"x": 1}}, "something", ""),
    ],
)  # fmt: skip
def test_what_is_no_text_is_named(content: dict[str, Any], media: str, text: str) -> None:
    came = heard(update(**content))
    assert (came.shape, came.media, came.text) == (Shape.MEDIA, media, text)


def test_a_place_says_where_it_is() -> None:
    spot = {"latitude": 40.5, "longitude": -73.25}
    came = heard(update(location=spot, venue={"location": spot, "title": "Bar", "address": "Main St"}))
    assert came.shape is Shape.MEDIA
    assert "40.50000, -73.25000" in came.media


async def test_a_sticker_says_what_its_emoji_says(chat: ChatDouble) -> None:
    came = heard(chat.sends_sticker("\U0001f44d"))
    assert (came.shape, came.text) == (Shape.TEXT, "\U0001f44d")


@pytest.mark.parametrize(
    ("typed", "ask", "text"),
    [
        ("/help", Ask.HELP, "/help"),
        ("/HELP@Handrail_Bot", Ask.HELP, "/HELP@Handrail_Bot"),
        ("/stop", Ask.STOP, "/stop"),
        ("/crisis@handrail_bot", Ask.CRISIS, "/crisis@handrail_bot"),
        ("/plan@handrail_bot", None, "/plan"),
        ("/CheckIn", None, "/checkin"),
        ("/start", Ask.START, "hello"),
        ("/start K7PQ-M2", None, "K7PQ-M2"),
        ("/start@handrail_bot  K7PQ-M2 ", None, "K7PQ-M2"),
        ("/help me I want to die", None, "/help me I want to die"),
        ("/stop hurting me", None, "/stop hurting me"),
        ("/nothing", None, "/nothing"),
        ("and /stop", None, "and /stop"),
        ("/", None, "/"),
    ],
)
def test_commands_and_invites(typed: str, ask: Ask | None, text: str) -> None:
    came = heard(update(text=typed))
    assert (came.ask, came.text, came.shape) == (ask, text, Shape.TEXT)


def test_a_command_in_a_changed_text_or_a_caption_is_not_obeyed() -> None:
    assert heard(update("edited_message", text="/stop", edit_date=5)).ask is None
    assert heard(update(caption="/stop", document=FILE)).ask is None


async def test_a_tap_names_our_message_and_its_choice(line: Line, chat: ChatDouble, double: BotDouble) -> None:
    asked = line.says("Are you safe?", "Yes", "No")
    await line.channel.send(asked)
    raw = chat.taps("No")
    arrived = BOT.decode(raw)
    assert arrived.message.tapped == (asked.id, 1)
    assert (arrived.message.shape, arrived.message.text) == (Shape.TAP, "")
    assert (arrived.message.address, arrived.message.language) == (str(CHAT), "en")
    await line.channel.answer_tap(arrived.tap)  # type: ignore[attr-defined]
    assert [answer["callback_query_id"] for answer in double.answers] == [raw["callback_query"]["id"]]


def tap(data: Any, **more: Any) -> dict[str, Any]:
    query = {"id": "9", "from": MAYA, "chat_instance": "1", "message": message(text="?"), "data": data, **more}
    return {"update_id": 60, "callback_query": query}


@pytest.mark.parametrize(
    "data",
    ["", ":", "/restart", "0", ":0", ID, f"{ID}:", f"{ID}:-1", f"{ID}:1.0", f"{ID}:x",
     f"{ID[:31]}:0", f"{ID}0:0", f"{ID}:0:0", f"{ID}: 0", None],
)  # fmt: skip
def test_broken_data_of_a_button_never_is_a_choice_nor_a_text(data: Any) -> None:
    arrived = BOT.decode(tap(data))
    assert (arrived.message.shape, arrived.message.tapped, arrived.message.text) == (Shape.TAP, None, "")
    assert arrived.tap == "9", "and the button stops turning"


def test_forged_data_names_at_most_a_message_that_is_then_looked_up() -> None:
    came = heard(tap("f" * 32 + ":99"))
    assert (came.tapped, came.text) == (("f" * 32, 99), "")


def test_a_tap_on_a_message_that_is_gone_is_heard() -> None:
    gone = {"message_id": 7, "chat": PRIVATE, "date": 0}
    data = f"{new_id()}:0"
    assert heard(tap(data, message=gone)).tapped == (data[:32], 0)


async def test_whoever_blocks_the_bot_is_gone_and_whoever_comes_back_will_write(chat: ChatDouble) -> None:
    came = heard(chat.blocks())
    assert (came.shape, came.text, came.address) == (Shape.GONE, "", str(CHAT))
    with pytest.raises(Ignored):
        BOT.decode(chat.unblocks())


GROUP = {"id": -100, "type": "group", "title": "Family"}
ROBOT = {"id": 5, "is_bot": True, "first_name": "R"}


@pytest.mark.parametrize(
    "raw",
    [
        update(text="hi", chat=GROUP),
        update(text="hi", chat={"id": -100, "type": "supergroup", "title": "F"}),
        update("edited_message", text="hi", chat=GROUP, edit_date=5),
        {"update_id": 1, "channel_post": {**message(text="x"), "chat": {"id": -1, "type": "channel", "title": "C"}}},
        update(text="hi", **{"from": ROBOT}),
        update(text="hi", **{"from": None}),
        tap(f"{new_id()}:0", message=message(text="?", chat=GROUP)),
        tap(f"{new_id()}:0", message=None),
        {"update_id": 1, "message_reaction": {"chat": PRIVATE, "message_id": 7, "date": 5, "user": MAYA,
                                              "old_reaction": [], "new_reaction": []}},
        {"update_id": 1, "invented_next_year": {"x": 1}},
        {"update_id": 1},
    ],
)  # fmt: skip
def test_what_is_none_of_our_business_is_ignored(raw: Any) -> None:
    with pytest.raises(Ignored):
        BOT.decode(raw)


def test_being_thrown_out_of_a_group_is_none_of_our_business() -> None:
    kicked = {"user": ROBOT, "status": "kicked", "until_date": 0}
    change = {"chat": GROUP, "from": MAYA, "date": 5, "new_chat_member": kicked}
    change["old_chat_member"] = {"user": ROBOT, "status": "member"}
    with pytest.raises(Ignored):
        BOT.decode({"update_id": 1, "my_chat_member": change})


@pytest.mark.parametrize(
    "raw",
    [
        None, [], "x", 5, True, {}, {"message": message(text="x")}, {"update_id": "x", "message": 3},
        {"update_id": 1, "message": 3}, {"update_id": 1, "message": "x"}, {"update_id": 1, "message": [1]},
        {"update_id": 1, "message": {"message_id": 7}},
        {"update_id": 1, "callback_query": {"id": "1"}}, {"update_id": 1, "my_chat_member": {"chat": PRIVATE}},
        update(text=5), update(text=["a"]), update(text={"a": 1}), update(date="yesterday", text="x"),
        update(text="x", date=10**30), update(chat=5), update(text="x", **{"from": 5}),
        update(text="x", **{"from": {**MAYA, "language_code": 5}}),
        update(location={"latitude": "x", "longitude": "y"}), update(sticker="x"), tap(5), tap([1]),
    ],
)  # fmt: skip
def test_what_is_malformed_is_undecodable(raw: Any) -> None:
    with pytest.raises(Undecodable):
        BOT.decode(raw)


@pytest.mark.parametrize(
    "raw",
    [
        update("edited_message", text=5, edit_date=5),
        update("edited_message", text={"a": 1}, edit_date=5),
        update(caption=5, document=FILE),
    ],
)
def test_words_that_are_none_are_undecodable_in_edits_and_captions_too(raw: Any) -> None:
    with pytest.raises(Undecodable):
        BOT.decode(raw)


async def test_ids_name_no_chat(chat: ChatDouble) -> None:
    raws = [chat.writes("x"), chat.edits(text="y"), chat.sends_photo(), chat.blocks(), tap(f"{new_id()}:0")]
    ids = [heard(raw).provider_id for raw in raws]
    assert len(set(ids)) == len(ids)
    assert not any(str(CHAT) in known for known in ids)


def test_the_same_update_has_the_same_id_and_a_number_used_again_another() -> None:
    assert heard(update(text="x")).provider_id == heard(update(text="x")).provider_id
    assert heard(update(text="x")).provider_id != heard(update(text="x", date=1_773_000_000)).provider_id


# Buttons and commands


async def test_a_craving_is_asked_in_two_rows_of_numbers(line: Line, chat: ChatDouble) -> None:
    await line.send("How strong is it, 0 to 10?", *map(str, range(11)))
    assert chat.received[-1].buttons == (tuple("012345"), ("6", "7", "8", "9", "10"))


async def test_long_titles_stand_below_each_other_and_short_ones_beside(line: Line, chat: ChatDouble) -> None:
    await line.send("Which?", "Yes", "No", "I would rather not talk about it now", "Call someone for me, please")
    assert chat.received[-1].buttons == (
        ("Yes", "No"),
        ("I would rather not talk about it now",),
        ("Call someone for me, please",),
    )


async def test_what_a_button_carries_fits_and_tells_nothing(line: Line, double: BotDouble) -> None:
    delivery = line.says("Which?", *(f"choice {n} {'\u00e1' * 80}" for n in range(100)))
    await line.channel.send(delivery)
    rows = double.called("sendMessage")[0]["reply_markup"]["inline_keyboard"]
    carried = [button["callback_data"] for row in rows for button in row]
    assert carried == [f"{delivery.id}:{n}" for n in range(100)]
    assert max(len(data.encode()) for data in carried) <= 64


async def test_links_show_no_preview(line: Line, double: BotDouble) -> None:
    await line.send("See https://988lifeline.org")
    assert double.called("sendMessage")[0]["link_preview_options"] == {"is_disabled": True}


async def test_commands_are_offered_in_english_and_spanish(line: Line, double: BotDouble) -> None:
    await line.channel.introduce()  # type: ignore[attr-defined]
    english, spanish = double.settings[("commands", "")], double.settings[("commands", "es")]
    names = {command["command"] for command in english}
    assert names == {"help", "plan", "checkin", "stop", "crisis"}
    assert names == {command["command"] for command in spanish}
    assert not {c["description"] for c in english} & {c["description"] for c in spanish}


async def test_staff_are_offered_no_commands_of_clients() -> None:
    async with telegram_double() as api, TelegramBot(telegram.STAFF, "2:staff", api.base) as bot:
        double = api.bot("2:staff")
        await bot.introduce()
        for language in ("", "es"):
            assert {command["command"] for command in double.settings[("commands", language)]} == {
                "help",
                "crisis",
                "stop",
            }


# Reading


@dataclass
class Desk:
    """Where updates are kept, as long as it can."""

    double: BotDouble
    taken: list[Inbound] = field(default_factory=list)
    aside: list[tuple[str, str, str]] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    broken: str | None = None
    """A text that cannot be kept."""

    async def take(self, message: Inbound) -> None:
        self.waiting.append(len(self.double.pending))
        if message.text == self.broken:
            raise NotKept("the disk is full")
        self.taken.append(message)

    async def set_aside(self, channel: str, raw: str, reason: str) -> None:
        self.aside.append((channel, raw, reason))

    @property
    def texts(self) -> list[str]:
        return [message.text for message in self.taken]


@pytest.fixture
def desk(double: BotDouble) -> Desk:
    return Desk(double)


def reader(line: Line, desk: Desk, wait: int = 0) -> Polling:
    return Polling(line.channel, desk.take, desk.set_aside, wait)  # type: ignore[arg-type]


async def rounds(polling: Polling, count: int) -> None:
    for _ in range(count):
        await polling.run_once()


async def test_updates_are_confirmed_only_when_they_are_kept(line: Line, chat: ChatDouble, desk: Desk) -> None:
    polling = reader(line, desk)
    for text in ("one", "two", "three"):
        chat.writes(text)
    assert await polling.run_once() == 3
    assert desk.texts == ["one", "two", "three"]
    assert desk.waiting == [3, 3, 3], "each still waits at Telegram while it is taken"
    assert await polling.run_once() == 0
    assert desk.double.pending == []


async def test_what_cannot_be_kept_stops_the_batch_and_comes_again(line: Line, chat: ChatDouble, desk: Desk) -> None:
    polling = reader(line, desk)
    for text in ("one", "two", "three"):
        chat.writes(text)
    desk.broken = "two"
    for _ in range(3):
        with pytest.raises(NotKept):
            await polling.run_once()
        assert desk.texts == ["one"]
    desk.broken = None
    await rounds(polling, 2)
    assert desk.texts == ["one", "two", "three"]
    assert desk.double.pending == []


async def test_what_cannot_be_kept_comes_again_in_whatever_order_it_came(
    line: Line, chat: ChatDouble, desk: Desk
) -> None:
    polling = reader(line, desk)
    chat.writes("one")
    chat.writes("two")
    desk.double.pending.reverse()
    desk.broken = "one"
    with pytest.raises(NotKept):
        await polling.run_once()
    desk.broken = None
    await rounds(polling, 3)
    assert sorted(set(desk.texts)) == ["one", "two"]


async def test_what_cannot_be_set_aside_comes_again_too(line: Line, chat: ChatDouble, desk: Desk) -> None:
    async def fails(*_: str) -> None:
        raise NotKept("the disk is full")

    desk.double.update("message", 3)
    chat.writes("after it")
    with pytest.raises(NotKept):
        await Polling(line.channel, desk.take, fails, 0).run_once()  # type: ignore[arg-type]
    await rounds(reader(line, desk), 2)
    assert (len(desk.aside), desk.texts) == (1, ["after it"])


async def test_a_death_before_the_confirmation_brings_it_again_under_the_same_id(
    line: Line, chat: ChatDouble, desk: Desk
) -> None:
    chat.writes("hello")
    await reader(line, desk).run_once()
    await reader(line, desk).run_once()
    first, second = desk.taken
    assert first.provider_id == second.provider_id


async def test_a_proper_end_confirms_what_was_taken_last(line: Line, chat: ChatDouble, desk: Desk) -> None:
    polling = reader(line, desk)
    chat.writes("hello")
    await polling.run_once()
    await polling.close()
    assert desk.double.pending == []


async def test_a_proper_end_does_not_need_telegram(line: Line, chat: ChatDouble, desk: Desk) -> None:
    polling = reader(line, desk)
    chat.writes("hello")
    await polling.run_once()
    desk.double.fail("getUpdates", status=0)
    await polling.close()


async def test_a_proper_end_does_not_stumble_over_what_waits(line: Line, chat: ChatDouble, desk: Desk) -> None:
    polling = reader(line, desk)
    chat.writes("hello")
    await polling.run_once()
    desk.double.raw(DEEP)
    await polling.close()


async def test_a_confirmation_that_is_lost_is_given_again(line: Line, chat: ChatDouble, desk: Desk) -> None:
    polling = reader(line, desk)
    chat.writes("hello")
    await polling.run_once()
    desk.double.fail("getUpdates", status=500)
    with pytest.raises(Exception, match="Internal"):
        await polling.run_once()
    await polling.run_once()
    assert desk.double.pending == []
    assert desk.texts == ["hello"]


@pytest.mark.parametrize("number", [5, 990, 1000, 5_000_000])
async def test_numbers_that_fall_or_jump_are_read(line: Line, chat: ChatDouble, desk: Desk, number: int) -> None:
    polling = reader(line, desk)
    chat.writes("before")
    await rounds(polling, 2)
    desk.double.next_update_id(number)
    chat.writes("after a quiet week")
    chat.writes("and more")
    await rounds(polling, 3)
    assert desk.texts == ["before", "after a quiet week", "and more"]
    assert desk.double.pending == []


async def test_more_than_a_batch_is_read_to_the_end(line: Line, chat: ChatDouble, desk: Desk) -> None:
    polling = reader(line, desk)
    for n in range(230):
        chat.writes(str(n))
    await rounds(polling, 4)
    assert desk.texts == [str(n) for n in range(230)]


async def test_what_is_ignored_or_broken_stops_nobody(line: Line, chat: ChatDouble, desk: Desk) -> None:
    polling = reader(line, desk)
    chat.writes("one")
    desk.double.update("message", {"message_id": 1})
    desk.double.update("invented_next_year", {"x": 1})
    desk.double.update("message", message(text="in a group", chat=GROUP))
    desk.double.raw({"update_id": "x", "message": 3})
    desk.double.raw("null")
    chat.writes("two")
    await rounds(polling, 2)
    assert desk.texts == ["one", "two"]
    assert [channel for channel, _, _ in desk.aside] == [telegram.CLIENTS] * 3
    assert json.loads(desk.aside[0][1])["message"] == {"message_id": 1}
    assert desk.double.pending == []


async def test_an_update_without_a_number_is_set_aside_once(line: Line, desk: Desk) -> None:
    desk.double.raw({"update_id": "x", "message": 3})
    await rounds(reader(line, desk), 5)
    assert len(desk.aside) == 1


def deep(number: int) -> str:
    return f'{{"update_id": {number}, "message": {DEEP}}}'


@pytest.mark.parametrize("broken", [deep(1001), '{"update_id": 1001, "message": {"text": "breaks o'])
async def test_what_no_parser_takes_apart_is_set_aside_alone(
    line: Line, chat: ChatDouble, desk: Desk, broken: str
) -> None:
    polling = reader(line, desk)
    chat.writes("before")
    desk.double.raw(broken)
    chat.writes("after")
    await rounds(polling, 8)
    assert desk.texts == ["before", "after"]
    ((channel, raw, reason),) = desk.aside
    assert (channel, reason) == (telegram.CLIENTS, "not JSON that can be read")
    assert '"update_id": 1001' in raw
    assert len(raw) <= MOST_KEPT
    assert desk.double.pending == []


async def test_a_text_cannot_pretend_to_be_a_number_to_confirm(line: Line, chat: ChatDouble, desk: Desk) -> None:
    lie = json.dumps({"text": '"update_id": 1002'})[:-1]
    desk.double.raw(f'{{"message": {lie}, "x": {DEEP}}}, "update_id": 1000}}')
    chat.writes("not to be lost")
    await rounds(reader(line, desk), 6)
    assert desk.texts == ["not to be lost"]


async def test_a_tap_is_answered_when_it_is_kept_and_not_before(line: Line, chat: ChatDouble, desk: Desk) -> None:
    polling = reader(line, desk)
    await line.send("Are you safe?", "Yes", "No")
    chat.taps("Yes")
    desk.broken = ""
    with pytest.raises(NotKept):
        await polling.run_once()
    assert desk.double.answers == []
    desk.broken = None
    await polling.run_once()
    assert len(desk.double.answers) == 1


async def test_a_tap_that_cannot_be_answered_is_kept_all_the_same(line: Line, chat: ChatDouble, desk: Desk) -> None:
    await line.send("Are you safe?", "Yes", "No")
    chat.taps("Yes")
    chat.writes("hello")
    desk.double.fail("answerCallbackQuery", status=500)
    await reader(line, desk).run_once()
    assert [message.shape for message in desk.taken] == [Shape.TAP, Shape.TEXT]


@asynccontextmanager
async def running(polling: Polling) -> AsyncIterator[asyncio.Task[None]]:
    stop = asyncio.Event()
    task = asyncio.create_task(polling.run(stop))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})


@pytest.mark.parametrize(
    "fault", [{"status": 409}, {"status": 500}, {"status": 502}, {"status": 0}, {"status": 401}, {"retry_after": 5}]
)
async def test_no_trouble_ends_the_reading(
    line: Line, chat: ChatDouble, desk: Desk, patience: Patience, fault: dict[str, Any]
) -> None:
    desk.double.fail("getUpdates", **fault, times=2)
    chat.writes("hello")
    async with running(reader(line, desk, 20)) as task:
        for asked in (1, 2):
            await until(lambda asked=asked: len(desk.double.called("getUpdates")) == asked)
            await asyncio.sleep(0.05)
            patience.jump(11)
        await until(lambda: desk.texts)
        assert not task.done()
    assert desk.texts == ["hello"]


async def test_reading_begins_when_telegram_can_be_reached(
    line: Line, chat: ChatDouble, desk: Desk, patience: Patience
) -> None:
    desk.double.webhook("https://handrail.example/telegram")
    desk.double.auto = False
    desk.double.fail("deleteWebhook", status=500)
    chat.writes("hello")
    async with running(reader(line, desk, 20)):
        await until(lambda: desk.double.called("deleteWebhook"))
        await asyncio.sleep(0.05)
        patience.jump(1)
        await until(lambda: desk.texts)
    assert desk.texts == ["hello"], "what waited for the webhook was not dropped"
    assert desk.double.webhook_url == ""


async def test_a_reader_that_cannot_keep_goes_on_trying(
    line: Line, chat: ChatDouble, desk: Desk, patience: Patience
) -> None:
    desk.broken = "hello"
    chat.writes("hello")
    async with running(reader(line, desk, 20)):
        await until(lambda: desk.waiting)
        desk.broken = None
        await asyncio.sleep(0.05)
        patience.jump(1)
        await until(lambda: desk.texts)
    assert desk.texts == ["hello"]


# Being sent updates


async def test_a_webhook_is_set_with_its_secret(line: Line, double: BotDouble) -> None:
    await line.channel.set_webhook("https://handrail.example/telegram/telegram", "s3cret")  # type: ignore[attr-defined]
    assert (double.webhook_url, double.secret) == ("https://handrail.example/telegram/telegram", "s3cret")


@pytest.mark.parametrize(
    ("given", "right"),
    [("s3cret", True), ("S3cret", False), ("s3cre", False), ("s3crets", False), ("", False), (None, False),
     ("s3cr\u00e9t", False)],
)  # fmt: skip
def test_only_the_right_secret_is_right(given: str | None, right: bool) -> None:
    assert right_secret(given, "s3cret") is right


def test_without_a_secret_of_ours_none_is_right_that_was_given() -> None:
    assert not right_secret("anything", "")
