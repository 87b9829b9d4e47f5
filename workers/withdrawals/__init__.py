"""Withdrawals: money that leaves to a bank account."""
