"""What one more of something costs, in operations instead of times: a machine's load changes no
count. Each test fails when a count rises; when a change brings one down, bring the number down too.

No clock is at work here: sweeps and other loops that run by time are not started.
"""
