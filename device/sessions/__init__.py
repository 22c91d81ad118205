"""Sessions: byte streams that a person has with this device."""
