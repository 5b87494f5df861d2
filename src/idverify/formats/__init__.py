"""Encodings of credentials and tokens: no policy, no I/O, no clock."""
