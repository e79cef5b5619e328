"""Who signed which fixed text: a signature holds for exactly the words it was given for."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select

from bot.store import audit
from bot.store.database import Unit, new_id
from bot.store.tables import SignatureRow


async def current(unit: Unit) -> dict[str, tuple[str, datetime]]:
    """By a text's digest: who signed it, and when."""
    return {row.digest: (row.signed_by, row.signed_at) for row in await unit.session.scalars(select(SignatureRow))}


async def sign(unit: Unit, digests: Mapping[str, str], by: str, now: datetime) -> int:
    """Sign texts, given as piece ids by digest; returns how many had not been signed before."""
    known = await current(unit)
    fresh = {digest: piece for digest, piece in digests.items() if digest not in known}
    for digest, piece in fresh.items():
        unit.session.add(SignatureRow(id=new_id(), piece=piece, digest=digest, signed_by=by, signed_at=now))
    if fresh:
        await audit.write(unit, by[:64], f"{len(fresh)} texts signed", "content", now)
    return len(fresh)
