"""Plans on the cases of a batch: frozen, answered in draw order, and what the answers establish."""
