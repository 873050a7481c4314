"""RenewalService: a device with a good certificate gets the next one."""

from __future__ import annotations

from typing import Any

from grpc.aio import ServicerContext

from benchfleet.controller.auth import peer
from benchfleet.controller.enrollment.identities import Identities
from benchfleet.v1 import enrollment_pb2 as pb
from benchfleet.v1.enrollment_pb2_grpc import RenewalServiceServicer


class RenewalServicer(RenewalServiceServicer):
    """Answers agents on the fleet port; who asks is who gets it, whatever the request says."""

    def __init__(self, identities: Identities) -> None:
        self._identities = identities

    async def Renew(self, request: pb.RenewRequest, context: ServicerContext[Any, Any]) -> pb.RenewResponse:
        """Each call issues a certificate."""
        issued = await self._identities.renew(peer(context).name, request.csr_pem)
        return pb.RenewResponse(certificate_pem=issued.certificate_pem, ca_pem=self._identities.authority.ca_pem)
