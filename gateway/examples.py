"""Examples for the OpenAPI document, by message."""

from typing import Any

WALLET = "wal_06bq8k2n4c0g5r1m3t7v9e2d4h"
OTHER_WALLET = "wal_06bq8k7p6s2f0j4n8q1u3w5y7a"

BODIES: dict[str, dict[str, Any]] = {
    "Register": {
        "email": "ana@example.com",
        "password": "correct horse battery staple",
        "first_name": "Ana",
        "last_name": "Silva",
    },
    "LogIn": {"email": "ana@example.com", "password": "correct horse battery staple"},
    "OpenWallet": {"currency": "EUR", "label": "Household"},
    "RenameWallet": {"label": "Holidays"},
    "RequestTopUp": {"wallet_id": WALLET, "amount": 50_000, "currency": "IDR", "method": "bi_fast"},
    "RequestWithdrawal": {
        "wallet_id": WALLET,
        "amount": 250_000,
        "currency": "EUR",
        "beneficiary": {"bank": "Example Bank", "account_number": "DE89370400440532013000", "name": "Ana Silva"},
    },
    "PaymentOrder": {
        "card": {"pan": "4242424242424242", "cvv": "123", "exp_month": 12, "exp_year": 2031},
        "amount": 125_000,
        "currency": "IDR",
        "capture": "manual",
        "reference": "order-1042",
    },
    "RequestCapture": {"amount": 100_000},
    "RequestRefund": {"amount": 25_000, "reason": "One item was missing."},
    "RequestTransfer": {
        "source": {"wallet_id": WALLET},
        "destination": {"wallet_id": OTHER_WALLET},
        "amount": 12_500,
        "currency": "EUR",
        "note": "Rent",
    },
}
