"""Does at times of the calendar what a person asked for: a command, or a campaign."""
