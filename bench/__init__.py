"""How fast Saldo is, beside what the usual design reaches on the same machine."""
