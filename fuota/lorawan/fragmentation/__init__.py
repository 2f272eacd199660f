"""TS004, Fragmented Data Block Transport: its messages as frozen values."""
