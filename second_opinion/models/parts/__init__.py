"""Models that people keep in several files: scaler, encoder, columns, and the model itself."""
