"""What devices say: stored by COPY, put into the recoverable stream, read back over REST."""
