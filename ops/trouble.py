"""A failure that the person at the keyboard can do something about."""


class Trouble(Exception):
    """Its text is shown as it is, without a traceback: what happened and what to do."""
