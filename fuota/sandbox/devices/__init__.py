"""The virtual devices of the sandbox, and the sample firmware in QEMU."""
