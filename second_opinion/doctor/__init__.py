"""What stands in the way of running the app, on this machine or on a host."""
