"""Quality tasks: one file each; the contract stands in core/task.py."""
