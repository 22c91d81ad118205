"""The lines of this replica: opening, speaking and closing, and the registry of who is where."""
