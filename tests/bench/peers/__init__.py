"""The systems the hub is measured beside, each installed from its own registry into a cache folder
and used as its documentation shows (`servers/`).

Deliveries carry the same 190 bytes, the generator is the same, and so are counts and cores. What a
peer leaves out that the hub does stands in its row: none of them stores, audits, authorises, types
or recovers what passes through. `dialects` is how each is spoken to, `acts` what is done to it.
"""
