"""Somebody else who only listens."""
