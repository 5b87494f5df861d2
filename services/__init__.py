"""What can be started: one folder a service, each only wiring."""
