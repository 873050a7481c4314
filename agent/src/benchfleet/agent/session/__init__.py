"""The agent's side of the fleet protocol: a pure state machine, one stream, and transfers on a channel of their own."""
