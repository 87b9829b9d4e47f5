"""Payments, their captures and refunds."""

from migrations.scripts import run

revision = "0008"
down_revision = "0007"

# Beside the rules the database itself refuses to capture more than was authorised, or to refund more than was captured.
# Fill factor: most payments change once or twice, on their own page if it fits.
TABLES = """
CREATE SCHEMA payments;
GRANT USAGE ON SCHEMA payments TO saldo_app;

CREATE TABLE payments.payments (
    id text COLLATE "C" PRIMARY KEY,
    status text NOT NULL CHECK (status IN ('pending', 'authorized', 'captured', 'partially_refunded', 'refunded',
                                           'voided', 'expired', 'failed')),
    merchant_id text COLLATE "C" NOT NULL,
    card_id text COLLATE "C",
    card_named boolean NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    currency text NOT NULL CHECK (length(currency) = 3),
    capture text NOT NULL CHECK (capture IN ('automatic', 'manual')),
    reference text,
    claim text,
    description text,
    metadata jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    merchant_name text,
    owner text COLLATE "C",
    settlement_wallet_id text COLLATE "C",
    customer text COLLATE "C",
    wallet_id text COLLATE "C",
    brand text,
    last4 text CHECK (length(last4) = 4),
    captured bigint NOT NULL,
    capturing bigint NOT NULL,
    refunded bigint NOT NULL,
    refunding bigint NOT NULL,
    fee bigint NOT NULL,
    fee_pending bigint NOT NULL,
    fee_returned bigint NOT NULL,
    fee_returning bigint NOT NULL,
    fee_fixed bigint NOT NULL CHECK (fee_fixed >= 0),
    fee_basis_points integer NOT NULL CHECK (fee_basis_points BETWEEN 0 AND 10000),
    closing text CHECK (closing IN ('capture', 'void', 'expiry')),
    timer_id text,
    failure_code text,
    failure_detail text,
    authorized_at timestamptz,
    expires_at timestamptz,
    completed_at timestamptz,
    CONSTRAINT captured_was_authorized CHECK (captured >= 0 AND capturing >= 0 AND captured + capturing <= amount),
    CONSTRAINT refunded_was_captured CHECK (refunded >= 0 AND refunding >= 0 AND refunded + refunding <= captured),
    CONSTRAINT fee_was_captured CHECK (fee BETWEEN 0 AND captured AND fee_pending BETWEEN 0 AND capturing),
    CONSTRAINT returned_was_paid CHECK (fee_returned >= 0 AND fee_returning >= 0
                                        AND fee_returned + fee_returning <= fee),
    CONSTRAINT closing_is_open CHECK (closing IS NULL OR status = 'authorized'),
    CONSTRAINT captured_moves_money CHECK (status NOT IN ('captured', 'partially_refunded', 'refunded')
                                           OR captured > 0),
    CONSTRAINT nothing_moved CHECK (status NOT IN ('pending', 'voided', 'expired', 'failed')
                                    OR captured + capturing = 0),
    CONSTRAINT refunded_is_its_sum CHECK (status NOT IN ('captured', 'refunded') OR
                                          refunded = CASE status WHEN 'captured' THEN 0 ELSE captured END),
    CONSTRAINT failed_for_a_reason CHECK ((status = 'failed') = (failure_code IS NOT NULL)),
    CONSTRAINT completed_or_open CHECK ((status IN ('pending', 'authorized')) = (completed_at IS NULL)),
    CONSTRAINT claim_is_the_reference CHECK (claim = reference)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX payments_claim ON payments.payments (merchant_id, claim) WHERE claim IS NOT NULL;
CREATE INDEX payments_taken ON payments.payments (merchant_id, created_at DESC, id DESC);
CREATE INDEX payments_owned ON payments.payments (owner, created_at DESC, id DESC) WHERE owner IS NOT NULL;
CREATE INDEX payments_made ON payments.payments (customer, created_at DESC, id DESC) WHERE customer IS NOT NULL;
CREATE INDEX payments_by_card ON payments.payments (card_id, created_at DESC, id DESC) WHERE card_id IS NOT NULL;
CREATE INDEX payments_by_time ON payments.payments (created_at DESC, id DESC);

CREATE TABLE payments.captures (
    id text COLLATE "C" PRIMARY KEY,
    payment_id text COLLATE "C" NOT NULL,
    status text NOT NULL CHECK (status IN ('pending', 'succeeded', 'failed')),
    amount bigint NOT NULL CHECK (amount > 0),
    fee bigint NOT NULL CHECK (fee BETWEEN 0 AND amount),
    final boolean NOT NULL,
    failure_code text,
    failure_detail text,
    created_at timestamptz NOT NULL,
    completed_at timestamptz,
    CHECK ((status = 'failed') = (failure_code IS NOT NULL)),
    CHECK ((status = 'pending') = (completed_at IS NULL))
) WITH (fillfactor = 90);
CREATE INDEX captures_of_payment ON payments.captures (payment_id, created_at DESC, id DESC);

CREATE TABLE payments.refunds (
    id text COLLATE "C" PRIMARY KEY,
    payment_id text COLLATE "C" NOT NULL,
    status text NOT NULL CHECK (status IN ('pending', 'succeeded', 'failed')),
    amount bigint NOT NULL CHECK (amount > 0),
    fee bigint NOT NULL CHECK (fee BETWEEN 0 AND amount),
    reason text,
    failure_code text,
    failure_detail text,
    created_at timestamptz NOT NULL,
    completed_at timestamptz,
    CHECK ((status = 'failed') = (failure_code IS NOT NULL)),
    CHECK ((status = 'pending') = (completed_at IS NULL))
) WITH (fillfactor = 90);
CREATE INDEX refunds_of_payment ON payments.refunds (payment_id, created_at DESC, id DESC);

GRANT SELECT, INSERT, UPDATE ON payments.payments, payments.captures, payments.refunds TO saldo_app;
"""


def upgrade() -> None:
    """Make them."""
    run(TABLES)


def downgrade() -> None:
    """Remove them."""
    run("DROP SCHEMA payments CASCADE")
