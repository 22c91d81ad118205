"""Commands: accepted into the ledger, sent in order, answered, recovered, ended exactly once."""
