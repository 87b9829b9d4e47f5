"""The misbehaviours on offer, as data: what the provider does with a charge, chosen by its amount."""

from dataclasses import dataclass

ENDING_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Script:
    """One behaviour: the decision, and how its answer travels back."""

    name: str
    says: str
    ending: int | None = None
    decline_code: str | None = None
    slow_answer: bool = False
    failures_first: int = 0


SUCCEED = Script("succeed", "succeeds at once")

SCRIPTS = (
    Script("insufficient_funds", "is declined", ending=4002, decline_code="insufficient_funds"),
    Script("do_not_honor", "is declined", ending=4003, decline_code="do_not_honor"),
    Script("expired_card", "is declined", ending=4004, decline_code="expired_card"),
    Script("suspected_fraud", "is declined", ending=4005, decline_code="suspected_fraud"),
    Script(
        "slow_answer",
        "succeeds and is stored at once, but its first answer takes 10 seconds (SLOW_ANSWER_SECONDS); "
        "a repeat or a look-up finds it immediately",
        ending=4008,
        slow_answer=True,
    ),
    Script(
        "fail_twice",
        "answers 500 the first two times, storing nothing, and succeeds when the same key comes a third time",
        ending=4009,
        failures_first=2,
    ),
)

_BY_ENDING = {script.ending: script for script in SCRIPTS}


def for_amount(amount: int) -> Script:
    """Choose by the last four digits of the amount in minor units."""
    return _BY_ENDING.get(amount % 10**ENDING_DIGITS, SUCCEED)
