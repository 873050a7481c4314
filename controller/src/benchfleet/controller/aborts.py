"""How a servicer ends a call with an error of ours."""

from __future__ import annotations

from typing import Any, NoReturn

import grpc
from grpc.aio import ServicerContext

from benchfleet.core.errors import BenchfleetError
from benchfleet.core.status import code_of, trailing_metadata


async def abort(context: ServicerContext[Any, Any], error: BenchfleetError) -> NoReturn:
    """Ends a call with the status that stands for `error`."""
    await context.abort(getattr(grpc.StatusCode, code_of(error)), str(error), trailing_metadata(error))
    raise AssertionError("abort never returns")
