"""Models that lie elsewhere: their addresses, how they are fetched, and what their aliases mean."""
