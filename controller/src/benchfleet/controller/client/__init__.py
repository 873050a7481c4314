"""The operator's side of the protocol: credentials, a channel, errors of ours, transfers that resume.

    @click.command(name="ls")
    @fleet_options
    def command(fleet: FleetOptions) -> None:
        with fleet.connect() as session:
            reply = FleetServiceStub(session.channel).ListDevices(ListDevicesRequest())

What goes wrong inside the block leaves it as a BenchfleetError. Importing this package imports no grpc.
"""

from benchfleet.controller.client.credentials import Credentials, find_credentials, read_credentials, write_credentials
from benchfleet.controller.client.options import FleetOptions, fleet_options

__all__ = [
    "Credentials",
    "FleetOptions",
    "find_credentials",
    "fleet_options",
    "read_credentials",
    "write_credentials",
]
