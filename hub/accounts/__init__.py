"""Who may do what: users, sessions, tokens, API keys, roles, and the guards of every route."""
