"""The misbehaviours on offer, as data: what the provider does with a payment, and how its answer travels."""

from dataclasses import dataclass
from typing import Literal

ENDING_DIGITS = 4

Answer = Literal["plain", "slow", "lost", "garbage", "error", "trickle"]
Callbacks = Literal["once", "thrice", "early", "out_of_order"]


@dataclass(frozen=True, slots=True)
class Script:
    """One behaviour.

    `answer` is how the first answer travels once the payment is stored. `pending` is decided later, `decline_code`
    says how. `failures_first` requests fail without a trace, by a 500 or by a `reset` connection.
    """

    name: str
    says: str
    ending: int | None = None
    decline_code: str | None = None
    answer: Answer = "plain"
    pending: bool = False
    callbacks: Callbacks = "once"
    failures_first: int = 0
    resets: bool = False
    amount_off: int = 0
    reverses: bool = False


SUCCEED = Script("succeed", "succeeds at once")

SCRIPTS = (
    Script("insufficient_funds", "is declined", 4002, decline_code="insufficient_funds"),
    Script("do_not_honor", "is declined", 4003, decline_code="do_not_honor"),
    Script("expired_card", "is declined", 4004, decline_code="expired_card"),
    Script("suspected_fraud", "is declined", 4005, decline_code="suspected_fraud"),
    Script("account_closed", "is declined", 4006, decline_code="account_closed"),
    Script(
        "slow_answer",
        "succeeds and is stored at once, but its first answer takes 10 seconds (SLOW_ANSWER_SECONDS); "
        "a repeat or a look-up finds it immediately",
        4008,
        answer="slow",
    ),
    Script(
        "fail_twice",
        "answers 500 the first two times, storing nothing, and succeeds when the same key comes a third time",
        4009,
        failures_first=2,
    ),
    Script("delay", "is pending and succeeds after DELAY_SECONDS", 4010, pending=True),
    Script(
        "delay_then_decline",
        "is pending and is declined after DELAY_SECONDS",
        4011,
        pending=True,
        decline_code="do_not_honor",
    ),
    Script(
        "timeout_then_succeed",
        "is pending, its first answer takes SLOW_ANSWER_SECONDS, and it succeeds after DELAY_SECONDS",
        4012,
        pending=True,
        answer="slow",
    ),
    Script(
        "timeout_then_decline",
        "likewise, and it is declined",
        4013,
        pending=True,
        answer="slow",
        decline_code="do_not_honor",
    ),
    Script("lost_answer", "succeeds, but the connection is reset instead of its first answer", 4014, answer="lost"),
    Script("duplicate_callbacks", "succeeds, and each callback comes three times", 4015, callbacks="thrice"),
    Script("early_callback", "succeeds, and its callback comes before its answer", 4016, callbacks="early"),
    Script(
        "out_of_order",
        "is pending and succeeds after DELAY_SECONDS; the callback about the former comes after the other one",
        4017,
        pending=True,
        callbacks="out_of_order",
    ),
    Script("wrong_amount", "succeeds with 100 minor units less than was asked for", 4018, amount_off=-100),
    Script(
        "reversal", "succeeds, and is reversed two days later (REVERSAL_SECONDS) by its own clock", 4019, reverses=True
    ),
    Script("stored_error", "succeeds, and its first answer is a 500", 4020, answer="error"),
    Script("garbage", "succeeds, and its first answer is no JSON", 4021, answer="garbage"),
    Script("reset", "resets the connection the first time, storing nothing", 4022, failures_first=1, resets=True),
    Script(
        "trickle",
        "succeeds, and its first answer comes a byte at a time, over SLOW_ANSWER_SECONDS",
        4023,
        answer="trickle",
    ),
)

BY_NAME = {script.name: script for script in (SUCCEED, *SCRIPTS)}
_BY_ENDING = {script.ending: script for script in SCRIPTS}


def choose(amount: int, account_number: str | None) -> Script:
    """By the last four digits of the beneficiary's account, or else of the amount in minor units."""
    ending = (account_number or "")[-ENDING_DIGITS:]
    by_account = _BY_ENDING.get(int(ending)) if ending.isascii() and ending.isdigit() else None
    return by_account or _BY_ENDING.get(amount % 10**ENDING_DIGITS, SUCCEED)
