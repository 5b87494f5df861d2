"""The token issuer: holds the token keys, signs what an attester vouches for, and never learns for whom."""
