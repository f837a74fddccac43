"""The page Feedback review."""
