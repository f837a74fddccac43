"""The page Batch upload."""
