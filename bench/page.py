"""`docs/benchmarks.md`: written from a series, except for what people add below its last line."""

from datetime import UTC, datetime

from bench import report
from bench.series import Scale, Series
from bench.yardstick import SCHEMA, TRANSFER
from ops.local.home import PROJECT

PAGE = PROJECT / "docs" / "benchmarks.md"
BY_HAND = "<!-- What stands below this line is written by hand and kept. -->"

INTRODUCTION = """\
# Benchmarks

*Written by `./dev bench --write`; numbers are not edited by hand.*

A transfer here is a whole one: an HTTP request with an access token and an `Idempotency-Key` that nobody has used
before, accepted durably by RabbitMQ, taken through the `TransferMoney` saga (request, hold, settle, complete) into
double-entry rows, committed, and its final state answered to the caller who waited for it (`Prefer: wait=10`, `201`
with `"status": "completed"`). Anything else is counted as failed.

The yardstick is `pgbench` with the transfer that the usual design makes: one transaction of eight statements, each a
round trip. It stands for the most that such a design can reach, for it has no HTTP, no authentication, no idempotency
and no queue, and while it runs Saldo is idle and both share nothing but the machine. `fsync` and `synchronous_commit`
are on for both, on the same PostgreSQL. Each round runs pgbench and Saldo in turn; numbers are medians of all rounds,
and ratios are medians of each round's own ratio.

Both work on as many accounts as there are wallets, chosen uniformly, or "hot" with half of all transfers going
to one of them. The wallets are inserted with SQL, each with a balanced opening movement, so that the ledger verifies
before and after; 50 users who own them are registered and log in over HTTP, with rate limits lifted.
"""

CLOSING = """\
## The yardstick's transfer

```sql
{schema}```

```
{transfer}```

pgbench looks at no balance and refuses nothing; the table's `CHECK` does. It runs with prepared statements.
"""


def write(series: Series, facts: dict[str, str], scale: Scale, wallets: int) -> None:
    """Write the page anew."""
    kept = PAGE.read_text().partition(BY_HAND)[2] if PAGE.exists() else "\n"
    PAGE.write_text(f"{text(series, facts, scale, wallets)}\n{BY_HAND}{kept}")


def text(series: Series, facts: dict[str, str], scale: Scale, wallets: int) -> str:
    """The page as Markdown."""
    parts = [
        INTRODUCTION,
        _results(series, scale, wallets),
        _time(series),
        f"## {report.sweep(series).title}\n\n{report.sweep(series).markdown()}\n",
        CLOSING.format(schema=SCHEMA.lstrip(), transfer=TRANSFER),
        _machine(facts),
    ]
    return "\n".join(parts)


def _results(series: Series, scale: Scale, wallets: int) -> str:
    goals = "\n".join(f"- {'✓' if goal.ok else '✗'} {goal.text}: {goal.reached}" for goal in report.goals(series))
    runs = (
        f"{_counted(scale.repeats, 'round')}, {scale.seconds} s per run after {scale.warm_up_seconds:.0f} s of warm-up"
    )
    others = f"Other programs kept at most {report.elsewhere_cores(series):.2f} cores busy."
    return f"## Results\n\n{report.results(series).markdown()}\n\n{wallets:,} wallets, {runs}. {others}\n\n{goals}\n"


def _time(series: Series) -> str:
    return (
        f"## Where the time goes\n\n{report.processor_time(series).title}, by process:\n\n"
        f"{report.processor_time(series).markdown()}\n\n"
        "The last column is the mean number of commands that workers take into one transaction.\n"
        "`python -m bench profile gateway` and `python -m bench profile worker` tell by function (with py-spy).\n"
    )


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _machine(facts: dict[str, str]) -> str:
    rows = "\n".join(f"| {name} | {fact} |" for name, fact in facts.items())
    return (
        f"## The machine\n\n| | |\n| --- | --- |\n{rows}\n| Date | {datetime.now(UTC):%Y-%m-%d} |\n\n"
        "## Run it yourself\n\n```\n./dev bench            # about ten minutes, needs nothing running\n"
        "./dev bench --quick    # about a minute: too short for fine differences\n"
        "./dev bench --write    # and write this page\n"
        "./dev bench worker     # the workers alone, fed through the broker\n```\n"
    )
