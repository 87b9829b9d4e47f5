"""The ways to top up, as data: bounds and fees are in minor units of each method's currency."""

from contracts.money import Currency
from contracts.moving import AmountOutOfRange
from contracts.topups import (
    MethodUnknown,
    TopUpMethodView,
)


def _method(key: str, name: str, currency: Currency, least: int, most: int, fee: int) -> TopUpMethodView:
    return TopUpMethodView(id=key, name=name, currency=currency, min_amount=least, max_amount=most, fee=fee)


CATALOGUE = (
    _method("bca_virtual_account", "BCA virtual account", "IDR", 1, 10**13, 4_000_00),
    _method("mandiri_virtual_account", "Mandiri virtual account", "IDR", 1, 10**13, 4_000_00),
    _method("bni_virtual_account", "BNI virtual account", "IDR", 1, 10**13, 4_000_00),
    _method("bi_fast", "BI-FAST bank transfer", "IDR", 1, 250_000_000_00, 2_500_00),
    _method("gopay", "GoPay", "IDR", 100, 20_000_000_00, 1_000_00),
    _method("ovo", "OVO", "IDR", 100, 20_000_000_00, 1_000_00),
    _method("dana", "DANA", "IDR", 100, 20_000_000_00, 1_000_00),
    _method("qris", "QRIS", "IDR", 100, 10_000_000_00, 0),
    _method("indomaret", "Indomaret", "IDR", 10_000_00, 5_000_000_00, 5_000_00),
    _method("alfamart", "Alfamart", "IDR", 10_000_00, 2_500_000_00, 5_000_00),
    _method("us_ach_debit", "Bank debit (ACH)", "USD", 1, 10**10, 0),
    _method("us_debit_card", "Debit card", "USD", 50, 10_000_00, 30),
    _method("sepa_transfer", "SEPA transfer", "EUR", 1, 10**10, 0),
    _method("sepa_instant", "SEPA instant transfer", "EUR", 1, 100_000_00, 20),
    _method("gb_faster_payments", "Faster Payments", "GBP", 1, 1_000_000_00, 0),
    _method("sg_paynow", "PayNow", "SGD", 1, 200_000_00, 0),
    _method("my_fpx", "FPX online banking", "MYR", 1, 1_000_000_00, 1_00),
    _method("ph_instapay", "InstaPay", "PHP", 1, 50_000_00, 10_00),
    _method("ph_gcash", "GCash", "PHP", 1_00, 100_000_00, 0),
    _method("th_promptpay", "PromptPay", "THB", 1, 2_000_000_00, 0),
    _method("vn_napas", "NAPAS 247", "VND", 1, 499_999_999, 0),
    _method("in_upi", "UPI", "INR", 1, 100_000_00, 0),
    _method("au_payid", "PayID", "AUD", 1, 10**10, 0),
    _method("jp_bank_transfer", "Bank transfer", "JPY", 1, 10**9, 0),
    _method("jp_konbini", "Konbini", "JPY", 120, 300_000, 200),
    _method("kw_knet", "KNET", "KWD", 100, 5_000_000, 150),
)

_BY_ID = {method.id: method for method in CATALOGUE}


def check(key: str, currency: str, amount: int) -> TopUpMethodView:
    """The method, if it takes this much of this currency. Raises `MethodUnknown`, `AmountOutOfRange`."""
    method = _BY_ID.get(key)
    if method is None or method.currency != currency:
        raise MethodUnknown
    if not method.min_amount <= amount <= method.max_amount:
        raise AmountOutOfRange(f"{method.name} takes {method.min_amount} to {method.max_amount} minor units.")
    return method
