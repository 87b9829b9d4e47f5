"""Cards: virtual cards that stand for a wallet, and what is spent on them."""
