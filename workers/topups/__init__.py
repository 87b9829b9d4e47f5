"""Top-ups: money that arrives from a provider."""
