"""The status list host: a party of its own that serves the issuer's lists, so that the issuer does not see who asks."""
