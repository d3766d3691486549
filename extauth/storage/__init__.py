"""The state directory, SQLite, and the files that come with the product."""
