"""The demo: a real fleet on one machine, started, used through its own commands, and taken down again."""
