"""Everything that lasts: one SQLite database, written by one writer whose commits are shared."""
