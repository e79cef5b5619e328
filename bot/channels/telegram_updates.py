"""What an update of Telegram carries: a message, an edit, a tap, a picture, or that someone has blocked the bot."""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from telegram import Bot, CallbackQuery, ChatMember, Message, Update

from bot.delivery.messages import Ask, Inbound, Shape

# Of what cannot be read so many characters are kept.
MOST_KEPT = 100_000
_OURS = re.compile(r"([0-9a-f]{32}):(\d{1,3})")
_ASKS = {"start": Ask.START, "stop": Ask.STOP, "help": Ask.HELP, "crisis": Ask.CRISIS, "details": Ask.DETAILS}
# What a command is heard as where the conversation itself answers it.
_SAID = {"plan": "/plan", "checkin": "/checkin", "start": "hello"}


class Undecodable(Exception):
    """An update that is none, or that holds nothing we know how to read; says which."""


class Ignored(Exception):
    """An update that is none of our business: a group, another bot, a message of our own."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """What an update carries: the message, and the tap that must be answered so that the button stops turning."""

    message: Inbound
    tap: str | None = None


def decode(name: str, raw: Any, bot: Bot) -> Arrived:
    """What an update to the bot of a channel carries.

    Raises:
        Undecodable: it is none, or is not readable.
        Ignored: it is none of our business.
    """
    if not isinstance(raw, dict) or not isinstance(raw.get("update_id"), int):
        raise Undecodable("not an update")
    try:
        update = Update.de_json(raw, bot)
    except Exception as error:
        # The library raises whatever a wrong type leads to.
        raise Undecodable(f"not an update ({type(error).__name__})") from error
    try:
        return _decoded(name, update)
    except (AttributeError, TypeError, ValueError) as error:
        raise Undecodable(f"a broken update ({type(error).__name__})") from error


def _decoded(name: str, update: Update) -> Arrived:
    if update.callback_query:
        return _tap(name, update.update_id, update.callback_query)
    if update.my_chat_member:
        return _membership(name, update)
    message = update.message or update.edited_message
    if message is None:
        raise Ignored("nothing that a person wrote")
    if message.chat.type != "private" or message.from_user is None or message.from_user.is_bot:
        raise Ignored("not a private chat with a person")
    edited = update.edited_message is not None
    # No id of the chat: it is an address. The number alone would not do, because Telegram may count anew.
    written_at = message.edit_date or message.date
    stamp = int(written_at.timestamp())
    provider_id = f"{update.update_id}.{message.message_id}.{stamp}"
    language = (message.from_user.language_code or "en")[:2]
    address = str(message.chat.id)
    text, media = _text(message), _media(message)
    shape = Shape.EDIT if edited else Shape.MEDIA if media else Shape.TEXT
    ask, text = _command(text) if shape is Shape.TEXT else (None, text)
    return Arrived(
        Inbound(name, address, provider_id, text, shape, media=media, ask=ask, language=language, written_at=written_at)
    )


def _tap(name: str, update_id: int, query: CallbackQuery) -> Arrived:
    ours = _OURS.fullmatch(query.data or "")
    tapped = (ours[1], int(ours[2])) if ours else None
    if query.message is None or query.message.chat.type != "private":
        raise Ignored("a button outside a private chat")
    inbound = Inbound(
        name,
        str(query.message.chat.id),
        f"tap.{update_id}.{query.id}"[:128],
        "",
        Shape.TAP,
        tapped=tapped,
        language=(query.from_user.language_code or "en")[:2],
    )
    return Arrived(inbound, query.id)


def _membership(name: str, update: Update) -> Arrived:
    change = update.my_chat_member
    if change is None or change.chat.type != "private":
        raise Ignored("not a private chat")
    if change.new_chat_member.status != ChatMember.BANNED:
        raise Ignored("they are back, and will write")
    stamp = int(change.date.timestamp())
    return Arrived(Inbound(name, str(change.chat.id), f"gone.{update.update_id}.{stamp}", "", Shape.GONE))


def _text(message: Message) -> str:
    # A sticker says what its emoji says.
    text = message.sticker.emoji if message.sticker else message.text or message.caption
    if message.poll:
        text = " ".join([message.poll.question, *(option.text for option in message.poll.options)])
    if text is not None and not isinstance(text, str):
        raise Undecodable("a text that is none")
    return text or ""


_MEDIA = {
    "photo": "a picture",
    "voice": "a voice message",
    "audio": "a recording",
    "video": "a video",
    "video_note": "a video",
    "animation": "a moving picture",
    "document": "a file",
    "contact": "a contact",
    "location": "a location",
    "venue": "a place",
    "story": "a story",
    "paid_media": "a picture",
    "poll": "a poll",
}


def _media(message: Message) -> str:
    """What kind of thing came that is not text; where someone is, as far as it says so."""
    for name, what in _MEDIA.items():
        if getattr(message, name, None):
            if message.location:
                return f"{what} ({message.location.latitude:.5f}, {message.location.longitude:.5f})"
            return what
    return "" if message.text or message.sticker or message.dice else "something"


def _command(text: str) -> tuple[Ask | None, str]:
    """A command of the channel, and what it is heard as; anything else is text."""
    word, _, rest = text.partition(" ")
    if not word.startswith("/"):
        return None, text
    name = word[1:].partition("@")[0].lower()
    if name == "start" and rest.strip():
        return None, rest.strip()
    if rest.strip() or name not in _ASKS | _SAID:
        return None, text
    return _ASKS.get(name), _SAID.get(name, text)


def number_of(raw: Any) -> int | None:
    """The number of an update, where it has one."""
    number = raw.get("update_id") if isinstance(raw, dict) else None
    return number if isinstance(number, int) else None


def salvaged(name: str, raw: Any) -> Inbound | None:
    """What can be read of an update that cannot be decoded: danger in it is danger, and its writer gets an answer."""
    for kind in ("message", "edited_message"):
        message = raw.get(kind) if isinstance(raw, dict) else None
        chat = message.get("chat") if isinstance(message, dict) else None
        if not isinstance(chat, dict) or chat.get("type") != "private" or not isinstance(chat.get("id"), int):
            continue
        words = [message.get(field) for field in ("text", "caption")] if isinstance(message, dict) else []
        text = " ".join(word for word in words if isinstance(word, str))
        return Inbound(
            name,
            str(chat["id"]),
            f"odd.{number_of(raw) or hashlib.sha256(as_text(raw).encode()).hexdigest()[:32]}",
            text,
            Shape.MEDIA,
            media="something that cannot be decoded",
        )
    return None


def as_text(raw: Any) -> str:
    try:
        return json.dumps(raw)[:MOST_KEPT]
    except (ValueError, TypeError, RecursionError):
        return "something that cannot be written down"
