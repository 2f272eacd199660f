"""Verification of the signature of an image by a public key, format by format."""
