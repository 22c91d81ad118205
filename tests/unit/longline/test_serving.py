"""How a hub that cannot run says so: one line, wherever the fault was found."""

import asyncio

import pytest

from hub.base.errors import ConfigurationError
from longline import serving
from longline.errors import USAGE, UserError


async def found_at_once(_: asyncio.Event) -> None:
    raise ConfigurationError("cannot use the certificate:\nPermission denied")


async def found_by_a_task(stop: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(found_at_once(stop))


async def found_with_a_defect(stop: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(found_at_once(stop))
        await asyncio.sleep(0)
        raise ZeroDivisionError


@pytest.mark.parametrize("main", [found_at_once, found_by_a_task])
def test_a_fault_of_the_surroundings_is_one_line(main: serving.Main) -> None:
    with pytest.raises(UserError) as raised:
        serving.run(main)

    assert raised.value.message == "cannot use the certificate: Permission denied"
    assert raised.value.exit_code == USAGE


def test_a_defect_is_not_hidden_by_one() -> None:
    with pytest.raises(BaseExceptionGroup) as raised:
        serving.run(found_with_a_defect)

    assert raised.group_contains(ZeroDivisionError)
