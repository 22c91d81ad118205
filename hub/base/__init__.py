"""What every floor of the hub stands on: settings, errors, Postgres, Redis, group commit."""
