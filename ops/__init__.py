"""Operator and developer commands: the `saldo` command line."""
