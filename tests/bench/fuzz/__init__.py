"""The compiled functions against their twins, with whatever a fuzzer thinks of: see `run`."""
