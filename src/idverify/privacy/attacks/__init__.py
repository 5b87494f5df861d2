"""The attacks, one module each, all blind to the scheme: a View of ledgers in, an Answer out."""
