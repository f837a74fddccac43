"""What a verdict or a final answer says of a prediction: the one definition of right."""
