"""Merchants and their API keys over HTTP."""

from contracts.merchants import (
    ApproveMerchant,
    ArchiveMerchant,
    CreateApiKey,
    CreateMerchant,
    GetApiKey,
    GetMerchant,
    ListApiKeys,
    ListMerchants,
    PurgeArchivedMerchants,
    PurgeMerchant,
    RestoreArchivedMerchants,
    RestoreMerchant,
    RevokeApiKey,
    RotateApiKey,
    SuspendMerchant,
    UpdateMerchant,
)
from gateway.edge import Routes

ALL = "/v1/merchants"
ONE = "/v1/merchants/{merchant_id}"
KEYS = "/v1/merchants/{merchant_id}/api-keys"
KEY = "/v1/merchants/{merchant_id}/api-keys/{key_id}"

routes = Routes("Merchants")
routes.says(f"POST {ALL}", CreateMerchant, creates=True, scope="merchants:create")
routes.asks(f"GET {ALL}", ListMerchants, scope="merchants:read")
routes.asks(f"GET {ONE}", GetMerchant, scope="merchants:read")
routes.says(f"PATCH {ONE}", UpdateMerchant, scope="merchants:update")
routes.says(f"POST {ONE}/approve", ApproveMerchant, scope="merchants:approve")
routes.says(f"POST {ONE}/suspend", SuspendMerchant, scope="merchants:approve")
routes.says(f"POST {ONE}/archive", ArchiveMerchant, scope="merchants:update")
routes.says(f"POST {ONE}/restore", RestoreMerchant, scope="merchants:update")
routes.says(f"DELETE {ONE}", PurgeMerchant, scope="merchants:update")
routes.says(f"POST {ALL}/archived/restore", RestoreArchivedMerchants, scope="merchants:update")
routes.says(f"DELETE {ALL}/archived", PurgeArchivedMerchants, scope="merchants:update")
routes.says(f"POST {KEYS}", CreateApiKey, creates=True, scope="api_keys:create", grants="scopes")
routes.asks(f"GET {KEYS}", ListApiKeys, scope="api_keys:read")
routes.asks(f"GET {KEY}", GetApiKey, scope="api_keys:read")
routes.says(f"POST {KEY}/rotate", RotateApiKey, creates=KEYS, scope="api_keys:create")
routes.says(f"DELETE {KEY}", RevokeApiKey, scope="api_keys:revoke")
