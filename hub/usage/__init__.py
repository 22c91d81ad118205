"""What an organisation has used, day by day."""
