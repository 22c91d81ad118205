"""Agents of others at the root."""

from hub.base.foundation import Foundation
from hub.enrollment.rest import EnrollmentEndpoints
from hub.plain.rest import PlainEndpoints
from hub.plain.store import PlainStore


def build(base: Foundation, enrollment: EnrollmentEndpoints) -> PlainEndpoints:
    """Outside of the table of routes: see `hub.plain.rest.routes`."""
    return PlainEndpoints(PlainStore(base.database), enrollment)
