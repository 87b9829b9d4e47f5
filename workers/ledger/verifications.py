"""Verifications that were asked for, as they are kept."""

from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple

from contracts.ledger import FindingView, LedgerTotalView, VerificationView, VerifyLedger
from workers.ledger import verification
from workers.ledger.verification import Report
from workers.runtime.handlers import Preparation


class Verification(NamedTuple):
    """One row of `ledger.verifications`."""

    id: str
    sound: bool
    report: Any
    started_at: datetime
    finished_at: datetime

    @classmethod
    def of(cls, report: Report, started_at: datetime, finished_at: datetime, *, key: str) -> "Verification":
        """What was found, as the row `key`."""
        return cls(key, report.sound, asdict(report), started_at, finished_at)

    def view(self) -> VerificationView:
        """As operators see it."""
        report = self.report
        return VerificationView(
            id=self.id,
            sound=self.sound,
            violations=report["violations"],
            findings=[FindingView.model_validate(one) for one in report["findings"]],
            counts=report["counts"],
            totals=[LedgerTotalView.model_validate(one) for one in report["totals"]],
            started_at=self.started_at,
            finished_at=self.finished_at,
        )


async def examined(_command: VerifyLedger, preparation: Preparation) -> tuple[Report, datetime, datetime]:
    """The whole ledger, read beside the delivery loop. Raises `VerificationRunning`."""
    return await verification.examine_alone(preparation.resources.settings.database_url.get_secret_value())
