"""The simulated air of the sandbox: its clock, the MAC layer, and the frames between network and devices."""
