"""The launcher and the private servers."""
