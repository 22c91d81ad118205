"""What all tests share: property tests are judged by what they find, not by how fast this machine
is today. What they start hears Ctrl-C, also where they run in the background."""

import signal

from hypothesis import HealthCheck, settings

settings.register_profile("longline", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("longline")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
