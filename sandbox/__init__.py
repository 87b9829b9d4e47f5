"""The payment provider simulator: a separate HTTP service that stands in for banks."""
