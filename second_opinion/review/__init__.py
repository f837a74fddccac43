"""What verdicts add up to, and the files that are made of them."""
