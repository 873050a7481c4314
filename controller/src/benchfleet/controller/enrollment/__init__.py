"""How a device gets its identity, and how it loses it."""
