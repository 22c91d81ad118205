"""Named values that commands and configurations stand for, and never show."""
