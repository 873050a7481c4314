"""What the child that parses a model may use. It sets the limits itself, before it opens the file.

Not between fork and exec: the command around it holds a gRPC channel, and a fork of a process with gRPC's threads runs
handlers that may abort.
"""

from __future__ import annotations

import resource

CPU_LIMIT_S = 60


def limit(memory_bytes: int) -> None:
    """CPU time, address space, no files and no core dump of this process."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT_S, CPU_LIMIT_S + 5))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
