"""The network server of the sandbox, without its HTTP."""
