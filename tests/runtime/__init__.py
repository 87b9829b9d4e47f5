"""The promises of the worker runtime, kept on a real broker and database by domains of the tests' own."""
