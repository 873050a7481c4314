"""The commands of benchfleet, one file each."""
