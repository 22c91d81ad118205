import pytest

from device.workloads.users import Owner, names_user, owner_of

PASSWD = "root:x:0:0::/:\nbroken\nplant:x:4711:4712::/:\n"
GROUP = "root:x:0:\nx\nmakers:x:50:plant\n"


@pytest.mark.parametrize(
    ("user", "owner"),
    [
        ("", (0, 0)),
        ("plant", (4711, 4712)),
        ("4711", (4711, 4712)),
        ("99", (99, 0)),
        ("plant:makers", (4711, 50)),
        ("99:7", (99, 7)),
        (":makers", (0, 50)),
    ],
)
def test_a_user_is_two_numbers(user: str, owner: tuple[int, int]) -> None:
    assert owner_of(user, PASSWD, GROUP) == Owner(*owner)


@pytest.mark.parametrize("user", ["nobody", "plant:nobody"])
def test_who_is_not_in_the_image_is_refused(user: str) -> None:
    with pytest.raises(ValueError, match="'nobody'"):
        owner_of(user, PASSWD, GROUP)


def test_numbers_need_no_image() -> None:
    assert [names_user(each) for each in ("", "1", "1:2", "a", "1:a")] == [
        False, False, False, True, True,
    ]  # fmt: skip
