"""``handrail client|family|staff add`` and ``handrail invite``: who may use this, and the code they join by."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from bot.cli.base import fail, told
from bot.recovery import check_in
from bot.recovery import joining as questions
from bot.recovery.people import DECLINED, MINOR, Role
from bot.settings import Settings, read_settings

client_app = typer.Typer(no_args_is_help=True, help="Clients: add one, see how one is doing.")
family_app = typer.Typer(no_args_is_help=True, help="Family members: add one.")
staff_app = typer.Typer(no_args_is_help=True, help="Staff: add one, say how they are paged, show it.")

Key = Annotated[str, typer.Argument(help="A short name for them, such as maya; letters, digits, - and _.")]
Name = Annotated[str, typer.Option(help="Their name, as they are greeted by its first word.")]
Zone = Annotated[
    str, typer.Option(help="Time zone by its IANA name; HANDRAIL_TIME_ZONE where left out. They are asked too.")
]
Country = Annotated[str, typer.Option(help="Two letters; the practice's own where left out. They are asked too.")]
Language = Annotated[str, typer.Option(help="en or es.")]
Number = Annotated[str, typer.Option(help="A number on which a person can call them.")]


@client_app.command("add")
def add_client(
    key: Key,
    name: Name,
    interventionist: Annotated[str, typer.Option(help="The short name of who looks after them.")] = "",
    time_zone: Zone = "",
    country: Country = "",
    language: Language = "en",
    check_in_at: Annotated[str, typer.Option(help=check_in.WRITTEN)] = "",
    number: Number = "",
    place: Annotated[str, typer.Option(help="Town or address, for an emergency.")] = "",
) -> None:
    """Add a client and print the invite they join by."""
    from bot.care.enrolment import NewPerson

    try:
        rhythm = check_in.read_rhythm(check_in_at) if check_in_at else None
    except ValueError as error:
        raise fail(f"--check-in-at: {error}") from error
    _add(
        lambda home: NewPerson(
            key=key,
            role=Role.CLIENT,
            name=name,
            time_zone=time_zone or home.time_zone,
            country=(country or home.country).upper(),
            language=language,
            rhythm=rhythm,
            interventionist=interventionist or None,
            number=number or None,
            place=place or None,
        )
    )


@family_app.command("add")
def add_family(
    key: Key,
    name: Name,
    of: Annotated[str, typer.Option(help="The client they belong to, who must agree. Left out: unlinked.")] = "",
    consented: Annotated[str, typer.Option(help="That the client has agreed already: how, and when.")] = "",
    time_zone: Zone = "",
    country: Country = "",
    language: Language = "en",
    number: Number = "",
) -> None:
    """Add a family member. With --of, the client is asked first, and the invite is made once they have agreed.

    Who comes by themselves is added without --of, and stays unlinked: nobody learns whether their relative is a client.
    """
    from bot.care.enrolment import NewPerson

    if consented and not of:
        raise fail("--consented needs --of: say which client has agreed")
    _add(
        lambda home: NewPerson(
            key=key,
            role=Role.FAMILY,
            name=name,
            time_zone=time_zone or home.time_zone,
            country=(country or home.country).upper(),
            language=language,
            number=number or None,
        ),
        of=of,
        consented=consented,
    )


@staff_app.command("add")
def add_staff(
    key: Key,
    name: Name,
    on_call: Annotated[
        bool, typer.Option(help="Whether they are asked when an interventionist does not answer.")
    ] = True,
    time_zone: Zone = "",
    country: Country = "",
    language: Language = "en",
    number: Number = "",
) -> None:
    """Add someone on staff and print the invite they join by; on Telegram it is a link to the staff's own bot."""
    from bot.care.enrolment import NewPerson

    _add(
        lambda home: NewPerson(
            key=key,
            role=Role.STAFF,
            name=name,
            time_zone=time_zone or home.time_zone,
            country=(country or home.country).upper(),
            language=language,
            on_call=on_call,
            number=number or None,
        )
    )


@staff_app.command("reach")
def reach_staff(
    key: Annotated[str, typer.Argument(help="The short name of someone on staff.")],
    email: Annotated[str, typer.Option(help="Their e-mail address.")] = "",
    call: Annotated[str, typer.Option(help="The number on which they are called.")] = "",
    no_email: Annotated[bool, typer.Option("--no-email", help="Write them no e-mails.")] = False,
    no_call: Annotated[
        bool, typer.Option("--no-call", help="Never call them, nor on the number they text from.")
    ] = False,
) -> None:
    """Set how someone on staff is paged beside the chat in which they write."""
    from bot.care import reach
    from bot.care.enrolment import EnrolmentError
    from bot.escalation.policy import How
    from bot.opening import opened_store
    from bot.settings import is_mailbox

    async def work(settings: Settings, number: str | None) -> list[str]:
        now = datetime.now(UTC)
        async with opened_store(settings) as store, store.write() as unit:
            row = await reach.staff(unit, key)
            for how, address, never in ((How.EMAIL, email, no_email), (How.CALL, number, no_call)):
                if address:
                    await reach.set_address(unit, row, how, address, now)
                elif never:
                    await reach.rule_out(unit, row, how, now)
            return _ways(key, await reach.shown(unit, row))

    def read(settings: Settings) -> str | None:
        if (email and no_email) or (call and no_call):
            raise EnrolmentError("give an address, or the --no- of it, not both")
        if not (email or call or no_email or no_call):
            raise EnrolmentError("say what to set: --email, --call, --no-email or --no-call; `staff show` only shows")
        if email and not is_mailbox(email):
            raise EnrolmentError(
                "--email: that is no e-mail address; give one such as ruth@example.org, without a name"
            )
        number = questions.read_number(call, settings.country) if call else None
        if call and number is None:
            raise EnrolmentError("--call: that is no phone number; give it with + and the country code")
        return number

    with told():
        settings = read_settings()
        for line in asyncio.run(work(settings, read(settings))):
            typer.echo(line)
        lacking = {
            "e-mail": email and not settings.smtp_host and "HANDRAIL_SMTP_HOST",
            "calls": call and not settings.twilio_call_from and "HANDRAIL_TWILIO_CALL_FROM",
        }
        for what, setting in lacking.items():
            if setting:
                typer.echo(f"It is kept, but {setting} is not set: there are no {what} until it is.", err=True)


@staff_app.command("show")
def show_staff(
    key: Annotated[str, typer.Argument(help="The short name of someone on staff; left out: all of them.")] = "",
) -> None:
    """Show how staff are paged."""
    from bot.care import reach
    from bot.opening import opened_store
    from bot.store import people

    async def work(settings: Settings) -> list[str]:
        async with opened_store(settings) as store, store.read() as unit:
            chosen = [(key, await reach.staff(unit, key))] if key else await people.staff_by_key(unit)
            return [line for name, row in chosen for line in _ways(name, await reach.shown(unit, row))]

    with told():
        for line in asyncio.run(work(read_settings())):
            typer.echo(line)


def _ways(key: str, ways: Any) -> list[str]:
    """Someone's name, and a line for each way to them."""
    lines = ["  ".join(part for part in (f"  {way.channel}", way.address, way.state) if part) for way in ways]
    return [f"{key}:", *(lines or ["  no way yet: `handrail invite` makes the code by which they join"])]


def invite(
    key: Annotated[str, typer.Argument(help="The short name of someone who was added.")],
) -> None:
    """Print a new invite: for one use, good for seven days. Older ones of the same person end.

    Who said that they are under 18 gets none.
    """
    from sqlalchemy import select

    from bot.care import joining
    from bot.care.enrolment import EnrolmentError
    from bot.opening import opened_store
    from bot.store import people
    from bot.store.tables import ConsentRow

    async def work(settings: Settings) -> tuple[Role, str, bool]:
        async with opened_store(settings) as store, store.write() as unit:
            row = await people.by_key(unit, key)
            if row is None:
                raise EnrolmentError(
                    f"nobody is called {key}: `handrail client add`, `family add` or `staff add` first"
                )
            if row.joining == MINOR:
                raise EnrolmentError(
                    f"{key} said that they are under 18, so joining has ended, and another code would bring them the same "
                    "answer: reach them yourself, or whoever looks after them"
                )
            try:
                return Role(row.role), await joining.invite(unit, row, datetime.now(UTC)), row.joining == DECLINED
            except joining.NotConsented as error:
                said_no = ConsentRow.other_id == row.id, ConsentRow.refused_at.is_not(None)
                if await unit.session.scalar(select(ConsentRow.id).where(*said_no).limit(1)):
                    raise EnrolmentError(
                        f"{error}: they have said no to {key}. Where they think otherwise now and have told you, "
                        "add the relative once more with --of and --consented"
                    ) from error
                raise EnrolmentError(
                    f"{error}: they were asked, and have not said yes. Where they have told you, "
                    "add the relative once more with --of and --consented"
                ) from error

    with told():
        settings = read_settings()
        role, code, declined = asyncio.run(work(settings))
        if declined:
            typer.echo(f"{key} has said no when they were asked to join. With this code they are asked once more.")
        _print_invite(settings, role, code)


def _add(new: Any, of: str = "", consented: str = "") -> None:
    from bot.app import load_content
    from bot.care import enrolment, joining
    from bot.care.enrolment import EnrolmentError, NewPerson
    from bot.opening import opened_store
    from bot.store import people

    async def work(settings: Settings, person: NewPerson) -> tuple[Role, str | None]:
        now = datetime.now(UTC)
        async with opened_store(settings, create=True) as store, store.write() as unit:
            client = await people.by_key(unit, of) if of else None
            if of and (client is None or client.role != Role.CLIENT):
                raise EnrolmentError(f"no client is called {of}")
            known = await people.by_key(unit, person.key) if consented else None
            if known is not None and known.role != Role.FAMILY:
                raise EnrolmentError(f"{person.key} is no family member")
            row = known or await enrolment.add(unit, person, now)
            if client is not None and consented:
                await enrolment.consent_noted(unit, client, row, consented, now)
            elif client is not None:
                await enrolment.ask_client(unit, content, settings.named, client, row, now)
                return person.role, None
            return person.role, await joining.invite(unit, row, now)

    with told():
        settings = read_settings()
        person = new(settings)
        _check(person)
        content = load_content(settings.home)
        role, code = asyncio.run(work(settings, person))
        if person.country not in content.lines:
            typer.echo(
                f"{person.key} is in {person.country}, of which content/lines.yml has no lines to call: they are told of "
                '"your local emergency number" and the like. Add the lines before they need them.',
                err=True,
            )
        if code is None:
            typer.echo(
                f"{of} is asked now, in the chat. Once they have said yes, `handrail invite {person.key}` prints the invite; "
                "until then it says that they have not."
            )
        else:
            _print_invite(settings, role, code)


def _check(person: Any) -> None:
    """Raises ``EnrolmentError`` where what was given cannot be."""
    import re

    from bot.care.enrolment import EnrolmentError
    from bot.store.people import LANGUAGES

    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,63}", person.key):
        raise EnrolmentError(
            f"{person.key!r}: a short name begins with a small letter and has letters, digits, - and _"
        )
    if not person.name.strip():
        raise EnrolmentError("--name is empty")
    if not questions.is_zone(person.time_zone):
        raise EnrolmentError(f"--time-zone {person.time_zone}: there is none; give one such as America/Chicago")
    if not questions.is_country(person.country):
        raise EnrolmentError(f"--country {person.country}: give two letters, such as US")
    if person.language not in LANGUAGES:
        raise EnrolmentError(f"--language {person.language}: give one of {', '.join(LANGUAGES)}")
    if person.number and questions.read_number(person.number, person.country.upper()) is None:
        raise EnrolmentError("--number: that is no phone number of this country; give it with + and the country code")


def _print_invite(settings: Settings, role: Role, code: str) -> None:
    """Say how the code is used, on every channel that is set up."""
    from bot.invites import ways

    typer.echo(f"Code: {code}  (for one use, good for seven days)")
    for way in asyncio.run(ways(settings, role, code)):
        typer.echo(way)
