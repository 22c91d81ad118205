import pytest

from hub.base.errors import ConfigurationError
from hub.base.settings import AGENT_VARIABLES, Settings, read, variables


def test_nothing_set_is_the_defaults_of_one_box() -> None:
    assert read({}) == Settings()
    assert read({"PATH": "/bin", "LANG": "C"}) == Settings()


def test_every_kind_of_setting_is_read() -> None:
    found = read(
        {
            "LONGLINE_PORT": "9000",
            "LONGLINE_INSECURE": "ON",
            "LONGLINE_AUTO_ENROLL": "off",
            "LONGLINE_ALLOWED_ORIGINS": " https://a , ,https://b",
            "LONGLINE_LOG_FORMAT": "console",
        }
    )
    assert (found.port, found.insecure, found.auto_enroll) == (9000, True, False)
    assert found.allowed_origins == ["https://a", "https://b"]
    assert found.log_format == "console"


def test_flags_win_over_the_environment_when_they_are_given() -> None:
    found = read({"LONGLINE_PORT": "9000", "LONGLINE_HOST": "h"}, port=7, host=None)
    assert (found.port, found.host) == (7, "h")


def test_what_the_agent_reads_is_left_alone() -> None:
    assert read(dict.fromkeys(AGENT_VARIABLES, "x")) == Settings()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LONGLINE_NO_SUCH", "x"),
        ("LONGLINE_PORT", "many"),
        ("LONGLINE_PORT", "65536"),
        ("LONGLINE_PORT", ""),
        ("LONGLINE_INSECURE", "yes"),
        ("LONGLINE_AUTO_ENROLL", "1"),
        ("LONGLINE_LOG_FORMAT", "xml"),
        ("LONGLINE_KEEP_LOG_DAYS", "0"),
        ("LONGLINE_DRAIN_SECONDS", "-1"),
    ],
)
def test_a_bad_variable_is_named_in_one_line(variable: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read({variable: value})
    assert variable in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_setting_is_described_with_its_default() -> None:
    found = {name: (default, text) for name, default, text in variables()}
    assert found.keys() == {f"LONGLINE_{name.upper()}" for name in Settings.__struct_fields__}
    assert all(text for _, text in found.values())
    assert found["LONGLINE_PORT"][0] == "8080"
    assert found["LONGLINE_INSECURE"][0] == "off"
    assert found["LONGLINE_QUERY_TOKENS"][0] == "on"
    assert found["LONGLINE_ALLOWED_ORIGINS"][0] == "none"
    assert found["LONGLINE_AUTO_ENROLL"][0] == "none"
