"""The worker runtime: messages in, one transaction, messages out."""
