"""The simulated network server: applications, devices, tasks, transfers and what it keeps in a file."""
