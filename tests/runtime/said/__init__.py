"""What the tests' own domains say."""
