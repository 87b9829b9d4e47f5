"""Notices: how people are told what they can't ask for, such as a token to reset their password."""
