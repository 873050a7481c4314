"""The commands of benchfleet-agent, one file each."""
