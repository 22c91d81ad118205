from itertools import product

import pytest

from hub.devices.enrollment import Standing, Verdict, decide, key_fits

GOOD, DISABLED, DELETED = Standing(False, False), Standing(True, False), Standing(False, True)
BOTH = (True, False)


@pytest.mark.parametrize(
    ("standing", "key", "token", "auto"),
    list(product((None, GOOD, DISABLED, DELETED), BOTH, BOTH, BOTH)),
)
def test_every_case(standing: Standing | None, key: bool, token: bool, auto: bool) -> None:
    verdict = decide(standing, key_fits=key, own_token=token, auto_enroll=auto)
    if not (key or token):
        assert verdict is Verdict.BAD_KEY
    elif standing is None:
        assert verdict is (Verdict.REGISTER if key and auto else Verdict.UNKNOWN)
    else:
        assert verdict is (Verdict.GRANT if standing == GOOD else Verdict.BARRED)


def test_a_key_fits_itself_only() -> None:
    assert key_fits("key", "key")
    for shown in (None, "", "ke", "keyy", "ké"):
        assert not key_fits(shown, "key")
