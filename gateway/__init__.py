"""Where it is said: the HTTP edge that turns requests into messages and answers into responses."""
