"""How an invite is handed over: a link for Telegram, a code to text."""

from telegram.error import InvalidToken, TelegramError

from bot.channels import telegram
from bot.channels.telegram import TelegramBot
from bot.recovery.people import Role
from bot.settings import Settings


async def ways(settings: Settings, role: Role, code: str) -> list[str]:
    """What to tell someone who is invited, a line for each channel that is set up."""
    found = []
    staff_bot = role is Role.STAFF and settings.telegram_staff_token is not None
    token = settings.telegram_staff_token if staff_bot else settings.telegram_token
    if token:
        name = telegram.STAFF if staff_bot else telegram.CLIENTS
        async with TelegramBot(name, token.get_secret_value(), settings.telegram_api_url) as bot:
            try:
                found.append(f"Telegram: https://t.me/{await bot.username()}?start={code}")
            except InvalidToken:
                found.append(
                    "Telegram: the bot's token is wrong; `handrail doctor` says which. The code is good all the same"
                )
            except TelegramError as error:
                found.append(
                    f"Telegram: the bot's name cannot be asked now ({type(error).__name__}); "
                    f"let them open the bot and send {code}"
                )
    if settings.twilio_from:
        number = settings.twilio_from if settings.twilio_from.startswith("+") else "your number"
        found.append(f"SMS: text {code} to {number}")
    return found or ["No channel is set up yet: `handrail doctor` says what Telegram and SMS need."]
