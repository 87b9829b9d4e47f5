"""Payments over HTTP: made with a merchant's key, moved by the merchant, seen by both sides."""

from contracts.payments import (
    GetPayment,
    GetRefund,
    ListPayments,
    ListRefunds,
    PaymentOrder,
    RequestCapture,
    RequestPayment,
    RequestRefund,
    RequestVoid,
)
from gateway import checkout
from gateway.edge import Routes

ALL = "/v1/payments"
ONE = "/v1/payments/{payment_id}"
REFUNDS = "/v1/payments/{payment_id}/refunds"

routes = Routes("Payments")
routes.swaps(f"POST {ALL}", PaymentOrder, checkout.swapped, RequestPayment, scope="payments:create", keys_only=True)
routes.asks(f"GET {ALL}", ListPayments, scope="payments:read")
routes.asks(f"GET {ONE}", GetPayment, scope="payments:read")
routes.says(f"POST {ONE}/capture", RequestCapture, money=True, scope="payments:capture")
routes.says(f"POST {ONE}/void", RequestVoid, money=True, scope="payments:void")
routes.says(f"POST {REFUNDS}", RequestRefund, creates=True, money=True, scope="payments:refund")
routes.asks(f"GET {REFUNDS}", ListRefunds, scope="payments:read")
routes.asks(f"GET {REFUNDS}/{{refund_id}}", GetRefund, scope="payments:read")
