"""What stands before the first request: the embedded database, its roles, and `portal up`."""
