"""Commands of the exchange, one table a file."""
