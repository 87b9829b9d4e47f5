"""The whole of Saldo on one machine: private servers, the processes, and what they need."""
