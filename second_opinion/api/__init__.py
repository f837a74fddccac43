"""What programs ask over HTTP: thin routes over the calls that the pages use."""
