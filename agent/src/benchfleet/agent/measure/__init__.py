"""The daemon's side of a measurement: lanes of runners, rounds between them, evidence, a verdict."""
