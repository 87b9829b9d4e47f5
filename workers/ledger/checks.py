"""The ledger's invariants in SQL: each check selects the `subject` and `detail` of its violations."""

ENTRIES = """(
    SELECT debit_account AS account_id, debit_seq AS seq, -amount AS change,
           debit_balance_after AS balance_after, currency
    FROM ledger.movements
    UNION ALL
    SELECT credit_account, credit_seq, amount, credit_balance_after, currency
    FROM ledger.movements
)"""
"""Each movement as its two accounts see it."""

CHECKS = {
    "currency_is_balanced": """
        SELECT currency AS subject, 'all accounts add up to ' || sum(posted) AS detail
        FROM ledger.accounts GROUP BY currency HAVING sum(posted) <> 0
    """,
    "balance_is_its_movements": f"""
        SELECT a.id AS subject,
               format('posted %s in %s movements, but they are %s and add up to %s',
                      a.posted, a.sequence, coalesce(e.count, 0), coalesce(e.total, 0)) AS detail
        FROM ledger.accounts AS a
        LEFT JOIN (
            SELECT account_id, count(*) AS count, sum(change) AS total FROM {ENTRIES} AS e GROUP BY account_id
        ) AS e ON e.account_id = a.id
        WHERE a.posted <> coalesce(e.total, 0) OR a.sequence <> coalesce(e.count, 0)
    """,
    # Backwards, as the two statement indexes run: PostgreSQL then merges them and sorts nothing.
    "statement_is_a_chain": f"""
        SELECT account_id AS subject,
               format('movement %s leaves %s after a change of %s, but before it came %s, which left %s',
                      seq, balance_after, change, previous_seq, previous_balance) AS detail
        FROM (
            SELECT account_id, seq, change, balance_after,
                   coalesce(lead(seq) OVER own, 0) AS previous_seq,
                   coalesce(lead(balance_after) OVER own, 0) AS previous_balance
            FROM {ENTRIES} AS e
            WINDOW own AS (PARTITION BY account_id ORDER BY seq DESC)
        ) AS e
        WHERE seq <> previous_seq + 1 OR balance_after <> previous_balance + change
    """,
    "movement_has_its_accounts": f"""
        SELECT e.account_id AS subject,
               format('movement %s in %s, but the account has %s', e.seq, e.currency,
                      coalesce(a.currency, 'never existed')) AS detail
        FROM {ENTRIES} AS e
        LEFT JOIN ledger.accounts AS a ON a.id = e.account_id
        WHERE a.currency IS DISTINCT FROM e.currency
    """,
    "movement_moves_money": """
        SELECT id AS subject, format('%s from %s to %s', amount, debit_account, credit_account) AS detail
        FROM ledger.movements WHERE amount <= 0 OR debit_account = credit_account
    """,
    "held_is_its_open_holds": """
        SELECT coalesce(a.id, h.account_id) AS subject,
               format('held %s, but its open holds have %s', a.held, coalesce(h.remaining, 0)) AS detail
        FROM ledger.accounts AS a
        FULL JOIN (
            SELECT account_id, sum(remaining) AS remaining FROM ledger.holds
            WHERE status = 'open' GROUP BY account_id
        ) AS h ON h.account_id = a.id
        WHERE a.held IS DISTINCT FROM coalesce(h.remaining, 0)
    """,
    "hold_ends_once": """
        SELECT h.id AS subject,
               format('%s of %s, %s remain, %s captured', h.status, h.amount, h.remaining,
                      coalesce(m.captured, 0)) AS detail
        FROM ledger.holds AS h
        LEFT JOIN (
            SELECT hold_id, debit_account, sum(amount) AS captured FROM ledger.movements
            WHERE hold_id IS NOT NULL GROUP BY hold_id, debit_account
        ) AS m ON m.hold_id = h.id AND m.debit_account = h.account_id
        WHERE (h.status <> 'open' AND h.remaining <> 0)
           OR coalesce(m.captured, 0) > h.amount - h.remaining
           OR (h.status = 'open' AND coalesce(m.captured, 0) <> h.amount - h.remaining)
           OR (h.status = 'captured' AND m.captured IS NULL)
    """,
    "movement_has_its_hold": """
        SELECT m.id AS subject, format('hold %s does not exist at %s', m.hold_id, m.debit_account) AS detail
        FROM ledger.movements AS m
        LEFT JOIN ledger.holds AS h ON h.id = m.hold_id AND h.account_id = m.debit_account
        WHERE m.hold_id IS NOT NULL AND h.id IS NULL
    """,
    "wallet_is_not_overdrawn": """
        SELECT id AS subject, format('posted %s, held %s', posted, held) AS detail
        FROM ledger.accounts WHERE role = 'customer' AND (posted < held OR held < 0)
    """,
    "closed_wallet_is_empty": """
        SELECT id AS subject, format('posted %s, held %s', posted, held) AS detail
        FROM ledger.accounts WHERE status = 'closed' AND (posted <> 0 OR held <> 0)
    """,
}

COUNTS = """
    SELECT (SELECT count(*) FROM ledger.accounts) AS accounts,
           (SELECT count(*) FROM ledger.movements) AS movements,
           (SELECT count(*) FROM ledger.holds WHERE status = 'open') AS open_holds
"""

TOTALS = """
    SELECT currency,
           coalesce(sum(posted) FILTER (WHERE role = 'customer'), 0)::bigint,
           sum(held)::bigint,
           coalesce(sum(posted) FILTER (WHERE role <> 'customer'), 0)::bigint,
           coalesce(sum(posted) FILTER (WHERE role = 'suspense'), 0)::bigint
    FROM ledger.accounts GROUP BY currency ORDER BY currency
"""

# A wallet's id is a hash in hexadecimal, so that the thousand behind a random one are as good as any sample. Of our own
# accounts, apart from what people owe us, there are a few for each currency and worker.
INVARIANTS = """
    WITH sums AS (
        SELECT currency, sum(posted) AS unbalanced, sum(held) AS held,
               count(*) FILTER (WHERE role = 'customer' AND posted < held) AS overdrawn
        FROM ledger.accounts GROUP BY currency
    ), open AS (
        SELECT a.currency, sum(h.remaining) AS remaining
        FROM ledger.holds AS h JOIN ledger.accounts AS a ON a.id = h.account_id
        WHERE h.status = 'open' GROUP BY a.currency
    ), sampled AS (
        (SELECT id, currency, posted, sequence FROM ledger.accounts
         WHERE id >= (SELECT 'wal_' || left(md5(random()::text), 6)) AND sequence > 0
         ORDER BY id LIMIT 1000)
        UNION ALL
        (SELECT id, currency, posted, sequence FROM ledger.accounts
         WHERE id >= 'sys_' AND id < 'syt' AND role <> 'receivable' AND sequence > 0
         ORDER BY id LIMIT 1000)
    ), astray AS (
        SELECT s.currency, count(*) AS accounts FROM sampled AS s
        WHERE NOT EXISTS (SELECT FROM ledger.movements AS m WHERE m.debit_account = s.id
                          AND m.debit_seq = s.sequence AND m.debit_balance_after = s.posted)
          AND NOT EXISTS (SELECT FROM ledger.movements AS m WHERE m.credit_account = s.id
                          AND m.credit_seq = s.sequence AND m.credit_balance_after = s.posted)
        GROUP BY s.currency
    )
    SELECT v.invariant, sums.currency, v.value
    FROM sums LEFT JOIN open USING (currency) LEFT JOIN astray USING (currency),
    LATERAL (VALUES ('unbalanced', sums.unbalanced),
                    ('held_without_hold', sums.held - coalesce(open.remaining, 0)),
                    ('overdrawn_wallets', sums.overdrawn::numeric),
                    ('balances_astray', coalesce(astray.accounts, 0)::numeric)) AS v (invariant, value)
"""
