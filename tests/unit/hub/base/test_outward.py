"""Where a connection goes that a person named: the name is asked for, and its address judged."""

import httpx
import pytest

from cloud.outward import WayOut
from hub.base.destinations import Destinations
from hub.base.outward import AddressRefused, NamedPlaces, address_of


async def test_a_name_with_a_private_address_is_refused_at_the_connection() -> None:
    with pytest.raises(AddressRefused, match="LONGLINE_WEBHOOK_ALLOW"):
        await address_of("localhost", 443, Destinations())
    assert (await address_of("localhost", 443, Destinations(["localhost"]))).is_loopback


@pytest.mark.parametrize(
    "url",
    ["https://localhost:1/x", "http://localhost:1/x", "https://127.0.0.1:1/", "http://[::1]:1/"],
)
async def test_a_client_goes_nowhere_that_is_not_public(url: str) -> None:
    transport = NamedPlaces(WayOut(), Destinations(["10.0.0.0/8"]))
    async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
        with pytest.raises(httpx.ConnectError, match=r"public|http"):
            await client.get(url)
