"""Merchants: who takes payments, on which terms, and the keys that their machines call with."""
