"""Checks of this machine and of a server before a campaign."""
