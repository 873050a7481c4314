"""Which servicer answers which service on the fleet port."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

from benchfleet.controller.servicers.artifact import ArtifactServicer
from benchfleet.controller.servicers.artifact_names import Registry
from benchfleet.controller.servicers.renewal import RenewalServicer
from benchfleet.v1.artifact_pb2_grpc import add_ArtifactServiceServicer_to_server
from benchfleet.v1.enrollment_pb2_grpc import add_RenewalServiceServicer_to_server

if TYPE_CHECKING:
    from benchfleet.controller.app import Controller


def fleet_services(server: grpc.aio.Server, controller: Controller) -> list[str]:
    """Adds every service but enrolment; their full names."""
    registry = Registry(controller.store, controller.blobs, controller.clock)
    add_ArtifactServiceServicer_to_server(ArtifactServicer(controller.blobs, registry), server)
    add_RenewalServiceServicer_to_server(RenewalServicer(controller.identities), server)
    return ["benchfleet.v1.ArtifactService", "benchfleet.v1.RenewalService"]
