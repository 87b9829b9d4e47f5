"""Payments: what merchants take from their customers' cards, capture, void and refund."""
