"""The hot loops of TS004, jitted. Their meaning is written in `fuota.fragmentation.naive`."""
