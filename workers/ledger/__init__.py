"""The ledger: accounts, holds and movements; double entry that can prove no cent is lost."""
