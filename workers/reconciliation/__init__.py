"""Reconciliation: a provider's statement of a day, held against what we believe has happened there."""
