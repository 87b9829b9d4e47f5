"""Where it is done: the domains and the runtime that delivers messages to them."""
