"""Writes a device as a recording that `--replay` reads: what its drivers read, without what tells whose device it is.

A driver is watched while it looks at the device, so that what it needs is in the recording, whoever wrote the driver.
To that come the files of a list of patterns (`allowed.py`), which a driver may lengthen by two constants of its module:

    CAPTURE = ("/sys/class/apex/apex_*/*",)           # files it reads in some states alone
    COMMANDS = (("vcgencmd", "get_throttled"),)       # questions, never anything that sets something

Nothing of the device is written to, and nothing outside /sys, /proc and a few files of the system is read. Names that
are identities are left out, and identities in texts are replaced (`identities.py`).
"""
