"""A client as anybody writes one on what openapi-python-client makes of our document: signs in,
dispatches, reads the history, is refused. Run by `test_generators.py` where that was installed."""

import sys

from longline_client import AuthenticatedClient, Client
from longline_client.api.auth import post_auth_login
from longline_client.api.devices import (
    get_device_command,
    get_device_commands,
    get_device_config,
    post_device_commands,
    post_devices,
)
from longline_client.models import (
    CommandRecord,
    DeviceBody,
    DispatchBody,
    DispatchBodyDelivery,
    LoginBody,
    PostAuthLoginResponse200,
    PostDeviceCommandsResponse200,
    PostDeviceCommandsResponse202,
    PostDeviceCommandsResponse404,
    PushConfig,
    PushConfigPatch,
    PushConfigType,
)

url, password = sys.argv[1:]


def signed_in() -> AuthenticatedClient:
    body = LoginBody(username="admin", password=password)
    login = post_auth_login.sync(client=Client(base_url=url), body=body)
    assert isinstance(login, PostAuthLoginResponse200), login
    assert login.data.user.username == "admin"
    return AuthenticatedClient(base_url=url, token=login.data.token)


def pushed(rate: int) -> DispatchBody:
    patch = PushConfigPatch.from_dict({"rate": rate})
    command = PushConfig(type_=PushConfigType.PUSH_CONFIG, patch=patch)
    return DispatchBody(command=command, delivery=DispatchBodyDelivery.NOW)


client = signed_in()
post_devices.sync(client=client, body=DeviceBody(id="python-1"))

answer = post_device_commands.sync("python-1", client=client, body=pushed(540))
assert isinstance(answer, PostDeviceCommandsResponse200), answer
assert answer.success is False
assert answer.data.status == "FAILED"
assert answer.data.error is not None
assert answer.data.error.code == "device_offline"

waits = DispatchBody(command=pushed(600).command, delivery=DispatchBodyDelivery.QUEUE)
later = post_device_commands.sync("python-1", client=client, body=waits, prefer="respond-async")
assert isinstance(later, PostDeviceCommandsResponse202), later

history = get_device_commands.sync("python-1", client=client)
assert history is not None
newest, oldest = history.data
assert isinstance(newest, CommandRecord)
assert (newest.command_id, newest.status, newest.error) == (later.data.command_id, "PENDING", None)
assert oldest.error is not None
assert oldest.error.code == "device_offline"
assert history.page.next_ is None
one = get_device_command.sync("python-1", newest.command_id, client=client)
assert one is not None
assert one.data.to_dict() == newest.to_dict()
config = get_device_config.sync("python-1", client=client)
assert config is not None
assert config.data.desired.to_dict() == {"rate": 600}

refused = post_device_commands.sync("nobody", client=client, body=pushed(1))
assert isinstance(refused, PostDeviceCommandsResponse404), refused
assert refused.code == "not_found"
