"""What a practice has arranged, in versions: documents by name, the newest counts."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select

from bot.store import audit
from bot.store.database import Unit, new_id
from bot.store.tables import ArrangementRow


class Arrangement(StrEnum):
    ROTA = "rota"
    POLICY = "policy"


async def newest(unit: Unit, name: Arrangement) -> ArrangementRow | None:
    """The newest version, or nothing where the practice has arranged nothing of its own."""
    query = select(ArrangementRow).where(ArrangementRow.name == name).order_by(ArrangementRow.version.desc()).limit(1)
    found: ArrangementRow | None = (await unit.session.scalars(query)).first()
    return found


async def add_version(unit: Unit, name: Arrangement, document: dict[str, Any], by: str, now: datetime) -> int:
    """Keep a new version; returns its number. An unchanged document keeps its version."""
    last = await newest(unit, name)
    if last is not None and last.document == document:
        return last.version
    version = 1 if last is None else last.version + 1
    unit.session.add(
        ArrangementRow(id=new_id(), name=name, version=version, document=document, made_by=by, created_at=now)
    )
    await audit.write(unit, by, f"{name} version {version}", name, now)
    return version
