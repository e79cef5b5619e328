"""What the practice has arranged as it counts now: its rota, and its policies or those it starts with."""

from datetime import datetime

from bot.escalation.policy import DEFAULT, Policy, WrittenPolicy
from bot.escalation.rota import Rota
from bot.store import arrangements
from bot.store.arrangements import Arrangement
from bot.store.database import Unit


async def rota(unit: Unit) -> Rota | None:
    """The rota in force, or nothing where whoever is marked as on call always is."""
    row = await arrangements.newest(unit, Arrangement.ROTA)
    return None if row is None else Rota.model_validate(row.document)


async def keep_rota(unit: Unit, new: Rota, by: str, now: datetime) -> int:
    """Put a rota in force; returns its version."""
    return await arrangements.add_version(unit, Arrangement.ROTA, new.model_dump(mode="json", by_alias=True), by, now)


async def policy(unit: Unit, name: str) -> Policy:
    """The policy in force for alerts that are raised now; it is frozen into each of them."""
    return (await policies(unit))[name]


async def policies(unit: Unit) -> dict[str, Policy]:
    """All policies in force."""
    row = await arrangements.newest(unit, Arrangement.POLICY)
    own = {} if row is None else row.document
    return DEFAULT | {name: WrittenPolicy.model_validate(body).policy(DEFAULT[name]) for name, body in own.items()}


async def keep_policies(unit: Unit, new: dict[str, WrittenPolicy], by: str, now: datetime) -> int:
    """Put policies in force; those that are not among them are the ones a practice starts with. Returns the version."""
    document = {name: body.model_dump(mode="json") for name, body in new.items()}
    return await arrangements.add_version(unit, Arrangement.POLICY, document, by, now)
