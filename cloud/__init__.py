"""The cloud API, as the hub and a device in DIRECT_CLOUD call it."""
