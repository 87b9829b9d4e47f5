"""The business processes that involve more than one domain."""
