"""Who did what to whom: one row for each privileged action, in the transaction of its effect."""
