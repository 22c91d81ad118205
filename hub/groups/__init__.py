"""Groups of devices: targets of bulk commands, filters of dashboards."""
