"""The double of Telegram answers python-telegram-bot as the real one does."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from telegram import Bot, BotCommand, InlineKeyboardButton, InlineKeyboardMarkup, error
from telegram.request import HTTPXRequest

from tests.doubles.telegram import BotDouble, ChatDouble, Seen, TelegramDouble, listening, telegram_double

TOKEN = "4242:a_token"


@dataclass
class Line:
    api: TelegramDouble
    double: BotDouble
    chat: ChatDouble
    bot: Bot


@pytest.fixture
async def line(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Line]:
    # Without this, the library warns of its own future each time it meets a 429.
    monkeypatch.setenv("PTB_TIMEDELTA", "1")
    async with telegram_double() as api:
        double = api.bot(TOKEN, "handrail_bot")
        chat = double.chat(5001, first_name="Maya", language_code="en")
        async with Bot(TOKEN, base_url=api.base) as bot:
            yield Line(api, double, chat, bot)


def keyboard(*titles: str, data: str = "go") -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([[InlineKeyboardButton(title, callback_data=f"{data}:{title}")] for title in titles])


async def test_a_conversation(line: Line) -> None:
    assert (await line.bot.get_me()).username == "handrail_bot"
    line.chat.writes("/start now")
    (update,) = await line.bot.get_updates()
    assert update.message is not None
    assert update.message.parse_entities() != {}
    sent = await line.bot.send_message(5001, "Hello", reply_markup=keyboard("Yes", "No"), protect_content=True)
    assert line.chat.received == [Seen(sent.message_id, "Hello", (("Yes",), ("No",)), protect_content=True)]
    line.chat.taps("No")
    (tap,) = await line.bot.get_updates(offset=update.update_id + 1)
    assert tap.callback_query is not None
    assert tap.callback_query.data == "go:No"
    assert tap.callback_query.message is not None
    assert tap.callback_query.message.message_id == sent.message_id
    await tap.callback_query.answer("fine")
    assert line.double.answers[0]["text"] == "fine"
    await line.bot.edit_message_reply_markup(5001, sent.message_id)
    with pytest.raises(LookupError):
        line.chat.taps("No")
    assert line.chat.taps("No", late=True)["callback_query"]["data"] == "go:No"
    await line.bot.edit_message_text("Bye", 5001, sent.message_id)
    with pytest.raises(error.BadRequest, match="not modified"):
        await line.bot.edit_message_text("Bye", 5001, sent.message_id)
    assert await line.bot.delete_message(5001, sent.message_id)
    assert line.chat.received[0].deleted
    assert line.chat.received[0].text == "Bye"
    assert line.chat.texts == []
    with pytest.raises(error.BadRequest, match="to delete not found"):
        await line.bot.delete_message(5001, sent.message_id)
    assert await line.bot.delete_messages(5001, [1, 2, 3])
    with pytest.raises(error.BadRequest, match="Query is too old"):
        await line.bot.answer_callback_query("1")


async def test_every_kind_of_message_is_well_formed(line: Line) -> None:
    line.chat.writes("hi")
    line.chat.edits(text="hello")
    line.chat.sends_photo("look")
    line.chat.sends_voice()
    line.chat.sends_sticker("🙂")
    line.chat.sends_location(1.5, 2.5)
    line.chat.sends_document("read")
    line.chat.blocks()
    line.chat.unblocks()
    updates = await line.bot.get_updates()
    assert len(updates) == 9
    assert updates[1].edited_message is not None
    assert updates[1].edited_message.text == "hello"
    assert [bool(update.effective_chat) for update in updates] == [True] * 9
    assert updates[7].my_chat_member is not None
    assert updates[7].my_chat_member.new_chat_member.status == "kicked"
    await line.bot.send_photo(5001, b"\x89PNG", caption="a chart", reply_markup=keyboard("OK"))
    assert line.chat.received[-1].photo
    assert line.chat.received[-1].buttons == (("OK",),)
    assert line.double.called("sendPhoto")[0]["photo"]["size"] == 4
    await line.bot.send_chat_action(5001, "typing")
    assert line.chat.typing == ["typing"]
    assert (await line.bot.get_chat(5001)).first_name == "Maya"


async def test_refusals(line: Line) -> None:
    with pytest.raises(error.BadRequest, match="Chat not found"):
        await line.bot.send_message(1, "x")
    await line.bot.send_message(5001, "😀" * 2048)
    with pytest.raises(error.BadRequest, match="too long"):
        await line.bot.send_message(5001, "😀" * 2048 + "x")
    with pytest.raises(error.BadRequest, match="Button_data_invalid"):
        await line.bot.send_message(5001, "x", reply_markup=keyboard("A", data="d" * 63))
    line.chat.blocks()
    with pytest.raises(error.Forbidden, match="blocked by the user"):
        await line.bot.send_message(5001, "x")
    with pytest.raises(error.InvalidToken):
        async with Bot("1:other", base_url=line.api.base):
            pass
    async with httpx.AsyncClient(trust_env=False) as http:
        lost = await http.get(f"{line.api.base}{TOKEN}/sendRocket")
    assert lost.json() == {"ok": False, "error_code": 404, "description": "Not Found"}
    assert len(line.chat.received) == 1


async def test_updates_are_numbered_and_forgotten(line: Line) -> None:
    line.double.duplicate_next()
    first = line.chat.writes("one")["update_id"]
    line.chat.writes("two")
    assert [u.update_id for u in await line.bot.get_updates()] == [first, first, first + 1]
    assert [u.update_id for u in await line.bot.get_updates(limit=1, offset=first + 1)] == [first + 1]
    line.double.next_update_id(5)
    assert await line.bot.get_updates(offset=first + 2) == ()
    line.chat.writes("three")
    line.chat.writes("four")
    # As the real one: an offset that its new count cannot have reached confirms nothing.
    assert [u.update_id for u in await line.bot.get_updates(offset=first + 2)] == [5, 6]
    line.double.shuffle(1)
    assert {u.update_id for u in await line.bot.get_updates()} == {5, 6}
    assert await line.bot.get_updates(offset=7) == ()
    poll = asyncio.create_task(line.bot.get_updates(offset=7, timeout=20))
    while not line.double.called("getUpdates")[-1].get("timeout"):
        await asyncio.sleep(0.005)
    line.chat.writes("five")
    assert [u.update_id for u in await poll] == [7]
    line.double.raw({"update_id": "x", "message": 3})
    line.double.raw("[" * 5000 + "]" * 5000)
    with pytest.raises(RecursionError):
        await line.bot.get_updates(offset=8)


async def test_faults(line: Line) -> None:
    line.double.fail("sendMessage", times=2)
    for _ in range(2):
        with pytest.raises(error.NetworkError, match="Internal Server Error"):
            await line.bot.send_message(5001, "lost")
    line.double.fail("sendMessage", retry_after=7)
    with pytest.raises(error.RetryAfter, match="Retry in 0:00:07"):
        await line.bot.send_message(5001, "lost")
    assert line.chat.received == []
    line.double.fail("sendMessage", after_accept=True)
    with pytest.raises(error.NetworkError):
        await line.bot.send_message(5001, "came through")
    line.double.fail("*", status=0)
    with pytest.raises(error.NetworkError):
        await line.bot.send_message(5001, "did not")
    line.double.fail("sendMessage", status=200, slow=5)
    with pytest.raises(error.TimedOut):
        await line.bot.send_message(5001, "late", read_timeout=0.05)
    assert line.chat.texts == ["came through", "late"]
    line.double.limit(2)
    await line.bot.send_message(5001, "1")
    await line.bot.send_message(5001, "2")
    for _ in range(2):
        with pytest.raises(error.RetryAfter):
            await line.bot.send_message(5001, "3")
    line.double.heal()
    await line.bot.send_message(5001, "3")


async def test_settings(line: Line) -> None:
    await line.bot.set_my_commands([BotCommand("help", "What this does")], language_code="es")
    assert [c.command for c in await line.bot.get_my_commands(language_code="es")] == ["help"]
    await line.bot.set_my_description("123")
    assert (await line.bot.get_my_description()).description == "123"
    await line.bot.set_my_short_description("short")
    assert line.double.settings[("short_description", "")] == "short"


async def test_webhook(line: Line) -> None:
    came: list[tuple[str, bytes]] = []
    statuses = [500, 500]

    async def take(request: Request) -> Response:
        came.append((request.headers["X-Telegram-Bot-Api-Secret-Token"], await request.body()))
        return Response(status_code=statuses.pop(0) if statuses else 200)

    app = Starlette(routes=[Route("/hook", take, methods=["POST"])])
    async with listening(app, asyncio.Event()) as base:
        line.double.post_to = f"{base}/hook"
        await line.bot.set_webhook("https://handrail.example/hook", secret_token="s3cret")
        with pytest.raises(error.Conflict):
            await line.bot.get_updates()
        line.double.duplicate_next()
        line.chat.writes("hello")
        assert await line.double.deliver() == [500, 500, 200, 200]
        assert {secret for secret, _ in came} == {"s3cret"}
        assert (await line.bot.get_webhook_info()).pending_update_count == 0
        line.chat.writes("by itself")
        await line.api.settled()
        assert b"by itself" in came[-1][1]
        statuses += [500] * 4
        line.chat.writes("refused")
        line.chat.writes("behind it")  # one push tries both
        assert await line.double.deliver() == [200, 500, 500, 500, 500]
        assert (await line.bot.get_webhook_info()).pending_update_count == 2
        await line.bot.delete_webhook()
        assert len(await line.bot.get_updates()) == 2
        assert [kind for kind, _ in line.api.log].count("push") == 9


async def test_a_newer_poll_ends_the_older(line: Line) -> None:
    older = asyncio.create_task(line.bot.get_updates(timeout=20))
    while not line.double.called("getUpdates"):
        await asyncio.sleep(0.005)
    async with Bot(TOKEN, base_url=line.api.base, get_updates_request=HTTPXRequest()) as other:
        assert await other.get_updates() == ()
    with pytest.raises(error.Conflict):
        await older
