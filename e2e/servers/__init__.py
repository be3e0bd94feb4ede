"""Real servers on loopback: what the tests, the demo and the benchmark talk to."""
