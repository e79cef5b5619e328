"""``handrail keys …``: making an encryption key, changing it, and sealing with the new one."""

import asyncio

import typer

from bot.cli.base import fail, told
from bot.settings import read_settings

keys_app = typer.Typer(no_args_is_help=True, help="Encryption keys: make one, or rotate to a new one.")


@keys_app.command("new")
def keys_new() -> None:
    """Make the key file where there is none yet, and say where it is. Not beside a database that another key sealed."""
    from bot.opening import may_have_a_new_key, new_key_line
    from bot.store.vault import new_key, write_keys

    with told():
        settings = read_settings()
        if settings.has_keys:
            raise fail(f"There are keys already ({'HANDRAIL_KEYS' if settings.keys else settings.key_path}).")
        asyncio.run(may_have_a_new_key(settings))
        write_keys(settings.key_path, dict([new_key()]))
        typer.echo(new_key_line(settings))


@keys_app.command("rotate")
def keys_rotate() -> None:
    """Add a new key, seal everything with it, and keep the old ones for backups. Works on a key file."""
    from bot.opening import rotate_keys

    with told():
        settings = read_settings()
        if settings.keys:
            raise fail(
                "The keys come from HANDRAIL_KEYS: put a new one first there (`handrail keys print` makes one), restart "
                "the service, then run `handrail keys reseal`."
            )
        count = asyncio.run(rotate_keys(settings))
        typer.echo(f"{count} values are sealed with the new key. A running service takes it up by itself.")


@keys_app.command("reseal")
def keys_reseal() -> None:
    """Seal everything that an older key sealed with the current one (the first in HANDRAIL_KEYS)."""
    from bot.opening import reseal

    with told():
        count = asyncio.run(reseal(read_settings()))
        typer.echo(f"{count} values are sealed with the current key.")


@keys_app.command("print")
def keys_print() -> None:
    """Print a new key as HANDRAIL_KEYS takes it; nothing is stored."""
    from bot.store.vault import format_keys, new_key

    key_id, key = new_key()
    typer.echo(format_keys({key_id: key}).strip())
