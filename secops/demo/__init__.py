"""The simulated ward: real log files and real datagrams of three tiers, from a seed and a clock."""
