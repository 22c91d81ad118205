"""Records of production: taken from devices, kept, and pushed to the cloud."""
