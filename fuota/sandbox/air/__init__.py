"""The simulated air: its clock, the MAC layer and the frames that devices receive."""
