"""Callbacks over HTTP: what payment providers say by themselves."""

from contracts.callbacks import HearCallback
from gateway import callbacks
from gateway.edge import Routes

routes = Routes("Callbacks")
routes.hears("POST /v1/callbacks/{provider}", HearCallback, endpoint=callbacks.hear, limit="callbacks")
