"""What Saldo promises, as tests: one folder for each thing that they protect."""
