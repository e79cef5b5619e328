"""How much of everything there is at this moment, for whoever draws curves of it: numbers only, nobody's name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select

from bot.delivery.messages import InStatus, Lane, OutStatus
from bot.escalation.policy import AlertStatus
from bot.store.database import Unit
from bot.store.tables import AlertRow, InboundRow, OutboundRow


@dataclass(frozen=True, slots=True)
class Series:
    """Numbers of one sort.

    Attributes:
        name: as it stands in the metrics, after ``handrail_``.
        help: what is counted.
        labels: the names of the labels.
        values: each number with its labels' values.
    """

    name: str
    help: str
    labels: tuple[str, ...]
    values: Sequence[tuple[tuple[str, ...], float]]


async def now_there(unit: Unit) -> list[Series]:
    """Alerts that nobody has closed, messages that wait to be sent, messages that wait for an answer."""
    alerts = (
        select(AlertRow.kind, AlertRow.status, func.count())
        .where(AlertRow.status != AlertStatus.CLOSED)
        .group_by(AlertRow.kind, AlertRow.status)
    )
    outbox = (
        select(OutboundRow.channel, OutboundRow.lane, func.count())
        .where(OutboundRow.status == OutStatus.QUEUED)
        .group_by(OutboundRow.channel, OutboundRow.lane)
    )
    inbox = select(func.count()).select_from(InboundRow).where(InboundRow.status == InStatus.PENDING)
    return [
        Series("alerts", "Alerts that nobody has closed", ("kind", "status"), await _grouped(unit, alerts)),
        Series(
            "outbox",
            "Messages that wait to be sent",
            ("channel", "lane"),
            [((channel, Lane(int(lane)).label), count) for (channel, lane), count in await _grouped(unit, outbox)],
        ),
        Series("inbox", "Messages that wait for an answer", (), [((), float(await unit.session.scalar(inbox) or 0))]),
    ]


async def _grouped(unit: Unit, query: Select[Any, Any, int]) -> list[tuple[tuple[str, str], float]]:
    return [((str(one), str(other)), float(count)) for one, other, count in await unit.session.execute(query)]
