"""The virtual devices of the sandbox, and the emulated sample firmware."""
