"""Callbacks: what payment providers say by themselves."""
