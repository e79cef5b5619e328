"""Relapse prevention plans, in versions."""

import json
from datetime import datetime

from sqlalchemy import select

from bot.recovery.plan import Plan
from bot.store import audit
from bot.store.database import Unit, new_id
from bot.store.tables import PlanVersionRow


async def newest(unit: Unit, client_id: str) -> PlanVersionRow | None:
    """The row of a client's newest plan."""
    query = select(PlanVersionRow).where(PlanVersionRow.client_id == client_id)
    found: PlanVersionRow | None = (await unit.session.scalars(query.order_by(PlanVersionRow.version.desc()))).first()
    return found


async def current_plan(unit: Unit, client_id: str) -> Plan | None:
    """A client's newest plan, or nothing where none was imported."""
    row = await newest(unit, client_id)
    return None if row is None else Plan.model_validate(json.loads(unit.open(row, "plan_sealed")))


async def add_version(unit: Unit, client_id: str, plan: Plan, approved_by: str, now: datetime) -> int:
    """Store a new version of a client's plan; returns its number. An unchanged plan keeps its version."""
    last = await newest(unit, client_id)
    body = plan.model_dump_json()
    if last is not None and unit.open(last, "plan_sealed") == body:
        return last.version
    version = 1 if last is None else last.version + 1
    row_id = new_id()
    unit.session.add(
        PlanVersionRow(
            id=row_id,
            client_id=client_id,
            version=version,
            plan_sealed=unit.seal(PlanVersionRow, "plan_sealed", row_id, body),
            approved_by=approved_by,
            created_at=now,
        )
    )
    await audit.write(unit, approved_by, f"plan version {version}", client_id, now)
    return version
