"""Cryptography that no well-kept library offers: one RFC a module, each with its published vectors."""
