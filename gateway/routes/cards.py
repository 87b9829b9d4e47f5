"""Cards over HTTP."""

from contracts.cards import (
    ArchiveCard,
    CancelCard,
    FreezeCard,
    GetCard,
    GetCardDashboard,
    IssueCard,
    ListCards,
    PurgeArchivedCards,
    PurgeCard,
    RestoreArchivedCards,
    RestoreCard,
    UnfreezeCard,
    UpdateCard,
)
from gateway.edge import Routes

routes = Routes("Cards")
routes.says("POST /v1/cards", IssueCard, creates=True, scope="cards:create")
routes.asks("GET /v1/cards", ListCards, scope="cards:read")
routes.asks("GET /v1/cards/{card_id}", GetCard, scope="cards:read")
routes.says("PATCH /v1/cards/{card_id}", UpdateCard, scope="cards:update")
routes.says("POST /v1/cards/{card_id}/freeze", FreezeCard, scope="cards:update")
routes.says("POST /v1/cards/{card_id}/unfreeze", UnfreezeCard, scope="cards:update")
routes.says("POST /v1/cards/{card_id}/cancel", CancelCard, scope="cards:update")
routes.says("POST /v1/cards/{card_id}/archive", ArchiveCard, scope="cards:update")
routes.says("POST /v1/cards/{card_id}/restore", RestoreCard, scope="cards:update")
routes.says("DELETE /v1/cards/{card_id}", PurgeCard, scope="cards:delete")
routes.asks("GET /v1/cards/{card_id}/dashboard", GetCardDashboard, scope="cards:read")
routes.says("POST /v1/cards/archived/restore", RestoreArchivedCards, scope="cards:update")
routes.says("DELETE /v1/cards/archived", PurgeArchivedCards, scope="cards:delete")
