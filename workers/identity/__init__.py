"""Identity: people and the tokens they call with."""
