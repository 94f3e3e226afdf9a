"""Stubs and faults: what a simulation puts in the place of bodies, and what it lets go wrong. See `plan`."""
