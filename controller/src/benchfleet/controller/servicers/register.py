"""Which servicer answers which service on the fleet port."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

from benchfleet.controller.servicers.agent import AgentServicer
from benchfleet.controller.servicers.artifact import ArtifactServicer
from benchfleet.controller.servicers.artifact_names import Registry
from benchfleet.controller.servicers.campaign import CampaignServicer
from benchfleet.controller.servicers.fleet import FleetServicer
from benchfleet.controller.servicers.renewal import RenewalServicer
from benchfleet.controller.servicers.result import ResultServicer
from benchfleet.v1.agent_pb2_grpc import add_AgentServiceServicer_to_server
from benchfleet.v1.artifact_pb2_grpc import add_ArtifactServiceServicer_to_server
from benchfleet.v1.campaign_pb2_grpc import add_CampaignServiceServicer_to_server
from benchfleet.v1.enrollment_pb2_grpc import add_RenewalServiceServicer_to_server
from benchfleet.v1.fleet_pb2_grpc import add_FleetServiceServicer_to_server
from benchfleet.v1.result_pb2_grpc import add_ResultServiceServicer_to_server

if TYPE_CHECKING:
    from benchfleet.controller.app import Controller

SERVICES = tuple(
    f"benchfleet.v1.{name}Service" for name in ("Agent", "Artifact", "Campaign", "Fleet", "Renewal", "Result")
)


def fleet_services(server: grpc.aio.Server, controller: Controller) -> tuple[str, ...]:
    """Adds every service but enrolment; their full names."""
    engine, blobs, identities = controller.engine, controller.blobs, controller.identities
    registry = Registry(controller.store, blobs, controller.clock)
    add_AgentServiceServicer_to_server(AgentServicer(engine, blobs), server)
    add_ArtifactServiceServicer_to_server(ArtifactServicer(blobs, registry), server)
    add_CampaignServiceServicer_to_server(CampaignServicer(engine, controller.blobs), server)
    add_FleetServiceServicer_to_server(FleetServicer(engine, identities), server)
    add_RenewalServiceServicer_to_server(RenewalServicer(identities), server)
    add_ResultServiceServicer_to_server(ResultServicer(controller.store), server)
    return SERVICES
