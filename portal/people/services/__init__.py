"""Commands of people, one journey a file."""
