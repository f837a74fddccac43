"""The page Release decision: plans, what they have established, and who is asked."""
