"""Many cases from a file: scored row by row, in the background, and written back."""
