"""Looks each minute whether servers answer that the device depends on."""

import asyncio
from collections.abc import Sequence
from typing import Final

import httpx

from device.base.broker_settings import BrokerEndpoint
from device.broker.outbound import SECONDS, Outbound
from device.broker.standing import Standing, standing_of_answer

INTERVAL_SECONDS: Final = 60.0


class Probes:
    def __init__(self, endpoints: Sequence[BrokerEndpoint], outbound: Outbound) -> None:
        self._endpoints = endpoints
        self._outbound = outbound
        self.standings: Final[dict[str, Standing]] = {
            endpoint.name: Standing(None) for endpoint in endpoints
        }

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as tasks:
            for endpoint in self._endpoints:
                tasks.create_task(self._follow(endpoint))

    async def _follow(self, endpoint: BrokerEndpoint) -> None:
        while True:
            self.standings[endpoint.name] = await self._look(endpoint.url)
            await asyncio.sleep(INTERVAL_SECONDS)

    async def _look(self, url: str) -> Standing:
        try:
            async with (
                asyncio.timeout(SECONDS),
                self._outbound.to(url).stream("GET", url) as answer,
            ):
                return standing_of_answer(answer.status_code)
        except TimeoutError:
            return Standing(False, f"no answer within {SECONDS:g} s")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Standing(False, f"no answer: {type(error).__name__}")
