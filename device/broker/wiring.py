"""What of the agent keeps tokens and hands them on, as its settings have it: all, a part, or
nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from cloud.outward import WayOut
from device.base.broker_settings import BrokerSettings
from device.base.sharing import Sharing
from device.broker.broker import TokenBroker
from device.broker.caddy_file import caddy_file
from device.broker.forward_proxy import ForwardProxies
from device.broker.outbound import Outbound
from device.broker.standing import Standing, TokenInfo
from device.broker.token_socket import TokenSocket
from device.settings import Settings
from protocol.telemetry import Alert

SOCKET = "token.sock"


class BrokerParts:
    def __init__(
        self,
        settings: Settings,
        way_out: WayOut,
        *,
        agent: str,
        boot: str,
        sharing: Sharing,
        uid_of: Callable[[str], int | None],
        tell: Callable[[Alert], Awaitable[None]],
    ) -> None:
        """`agent` names this program to servers, `boot` the present start of the machine; `tell`
        sends an alert."""
        self._settings = settings
        self._agent = agent
        self._sharing = sharing
        self._uid_of = uid_of
        self._tell = tell
        self._broker = self._make_broker(settings.broker, way_out, boot)

    def _make_broker(
        self, broker: BrokerSettings | None, way_out: WayOut, boot: str
    ) -> TokenBroker | None:
        if broker is None:
            return None
        return TokenBroker(
            broker,
            boot=boot,
            insecure=self._settings.insecure,
            outbound=Outbound(way_out, agent=self._agent),
            tell=self._tell,
        )

    def standings(self) -> Mapping[str, Standing]:
        """Of tokens and endpoints, by name."""
        return self._broker.standings if self._broker else {}

    def tokens(self) -> list[TokenInfo]:
        return self._broker.tokens if self._broker else []

    async def run(self) -> None:
        """Until all is done: for ever, where there is a broker."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._proxies().run())
            if self._broker is not None:
                tasks.create_task(self._broker.run())
                tasks.create_task(self._hand_out(self._broker))

    def _proxies(self) -> ForwardProxies:
        settings = self._settings
        content = caddy_file(settings.forward_proxy, self._socket)
        return ForwardProxies(settings.caddy, content, state=settings.state, tell=self._tell)

    @property
    def _socket(self) -> Path:
        return self._settings.socket_path.with_name(SOCKET)

    async def _hand_out(self, broker: TokenBroker) -> None:
        """Only when it is known which tokens are good: until then Caddy waits, and does not get a
        503."""
        if not self._settings.forward_proxy:
            return
        await broker.begun()
        await TokenSocket(
            self._socket,
            sharing=self._sharing,
            names={proxy.token for proxy in self._settings.forward_proxy},
            token=broker.token,
            uid_of=self._uid_of,
        ).run()
