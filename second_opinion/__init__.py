"""Second Opinion: the library."""
