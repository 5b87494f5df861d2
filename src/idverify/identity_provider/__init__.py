"""The mock identity provider: it knows every person, signs attestations, and sees what its schemes let it see."""
