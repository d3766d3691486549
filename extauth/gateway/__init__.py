"""The life of a request: the order of its stages, and the books that are kept of it."""
