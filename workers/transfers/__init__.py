"""Transfers: wallet to wallet, or to a person by e-mail."""
