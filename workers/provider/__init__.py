"""Payment providers: the port that top-ups and withdrawals speak to, its adapters, and which method goes to whom."""
