"""What may be a name: of a device, user, data set or campaign, and NAME:TAG of a model. They become labels and URIs."""

from __future__ import annotations

import re

_PART = r"[a-z0-9][a-z0-9._-]{0,62}"
NAME = re.compile(_PART)
MODEL_NAME = re.compile(f"{_PART}:{_PART}")
