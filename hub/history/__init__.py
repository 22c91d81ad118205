"""What happened in the whole fleet: events and log lines, newest first, and as files."""
