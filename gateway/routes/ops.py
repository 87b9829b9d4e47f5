"""What operators see and mend, over HTTP."""

from contracts.ledger import GetLedgerVerification, VerifyLedger
from contracts.operations import (
    CompensateSaga,
    DiscardDeadLetter,
    GetDeadLetter,
    GetSaga,
    ListDeadLetters,
    ListSagas,
    ReplayDeadLetter,
    ReplayDeadLetters,
    RetrySaga,
)
from contracts.reconciliation import (
    GetReconciliation,
    ListReconciliations,
    Reconcile,
    ResolveReconciliationItem,
)
from gateway.edge import Routes

routes = Routes("Operators")
routes.asks("GET /v1/ops/ledger/verification", GetLedgerVerification, scope="ledger:verify")
routes.says("POST /v1/ops/ledger/verification", VerifyLedger, scope="ledger:verify")
routes.asks("GET /v1/ops/sagas", ListSagas, scope="sagas:read")
routes.asks("GET /v1/ops/sagas/{saga_id}", GetSaga, scope="sagas:read")
routes.says("POST /v1/ops/sagas/{saga_id}/retry", RetrySaga, scope="sagas:act")
routes.says("POST /v1/ops/sagas/{saga_id}/compensate", CompensateSaga, scope="sagas:act")
routes.asks("GET /v1/ops/dead-letters", ListDeadLetters, scope="dead_letters:read")
routes.says("POST /v1/ops/dead-letters/replay", ReplayDeadLetters, scope="dead_letters:act")
routes.asks("GET /v1/ops/dead-letters/{letter_id}", GetDeadLetter, scope="dead_letters:read")
routes.says("POST /v1/ops/dead-letters/{letter_id}/replay", ReplayDeadLetter, scope="dead_letters:act")
routes.says("DELETE /v1/ops/dead-letters/{letter_id}", DiscardDeadLetter, scope="dead_letters:act")
routes.asks("GET /v1/ops/reconciliations", ListReconciliations, scope="reconciliations:read")
routes.says("POST /v1/ops/reconciliations", Reconcile, scope="reconciliations:act")
routes.asks("GET /v1/ops/reconciliations/{reconciliation_id}", GetReconciliation, scope="reconciliations:read")
routes.says(
    "POST /v1/ops/reconciliations/{reconciliation_id}/items/{item_id}/resolve",
    ResolveReconciliationItem,
    scope="reconciliations:act",
)
