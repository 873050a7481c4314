"""EnrollmentService: a join token and a certificate request for an identity. The only service on the enrolment port."""

from __future__ import annotations

from typing import Any

from grpc.aio import ServicerContext

from benchfleet.controller.aborts import abort
from benchfleet.controller.enrollment.identities import Identities
from benchfleet.core.errors import BenchfleetError
from benchfleet.v1 import enrollment_pb2 as pb
from benchfleet.v1.enrollment_pb2_grpc import EnrollmentServiceServicer


class EnrollmentServicer(EnrollmentServiceServicer):
    """Answers devices that have no identity yet."""

    def __init__(self, identities: Identities) -> None:
        self._identities = identities
        self.fleet_port = 0
        """Told to devices; set once the fleet port is bound."""

    async def Enroll(self, request: pb.EnrollRequest, context: ServicerContext[Any, Any]) -> pb.EnrollResponse:
        """Uses the token up; a refusal leaves it as it was."""
        try:
            enrolled = await self._identities.enroll(request.token, request.csr_pem, source=context.peer())
        except BenchfleetError as error:
            await abort(context, error)
        return pb.EnrollResponse(
            device=enrolled.device,
            certificate_pem=enrolled.issued.certificate_pem,
            ca_pem=self._identities.authority.ca_pem,
            fleet_port=self.fleet_port,
        )
