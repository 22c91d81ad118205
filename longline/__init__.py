"""The `longline` command: one module a subcommand, each importing only what it runs."""
