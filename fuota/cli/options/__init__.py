"""Option groups of the command line."""
