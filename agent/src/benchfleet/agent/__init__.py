"""The agent: a light daemon that measures models on the device it runs on."""
