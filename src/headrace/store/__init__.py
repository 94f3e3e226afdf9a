"""Where runs are kept: one protocol, several back ends."""
