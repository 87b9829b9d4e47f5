"""Somebody who only listens."""
