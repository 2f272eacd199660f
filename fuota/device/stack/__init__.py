"""The application packages of a device (TS003 to TS007), without I/O."""
