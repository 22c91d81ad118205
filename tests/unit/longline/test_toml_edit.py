"""One setting in a file that people write."""

import tomllib

import pytest

from longline.toml_edit import CannotEdit, with_setting

FILE = """\
# Settings, as somebody wrote them.
# hub = "https://hub.example.org"   # where
id = "edge-1"

[tls]                # of everything
# ca_file = "/etc/ca.pem"

[power]
reboot_argv = ["a",
  "b"]
"""


def test_the_line_that_shows_a_setting_becomes_it() -> None:
    edited = with_setting(FILE, "hub", "https://a.example")

    assert edited == FILE.replace(
        '# hub = "https://hub.example.org"   # where', 'hub = "https://a.example"'
    )


def test_a_setting_is_replaced_and_stays_alone() -> None:
    edited = with_setting(with_setting(FILE, "id", "edge-2"), "id", 'edge-"3"\\')

    assert edited.count("id =") == 1
    assert tomllib.loads(edited)["id"] == 'edge-"3"\\'


def test_a_setting_that_stood_nowhere_comes_first() -> None:
    edited = with_setting(FILE.replace("# hub", "# nothing"), "hub", "https://a.example")

    assert tomllib.loads(edited)["hub"] == "https://a.example"
    assert edited.splitlines()[0] == FILE.splitlines()[0]
    assert tomllib.loads(with_setting("", "insecure", value=True)) == {"insecure": True}


def test_a_table_is_found_or_made() -> None:
    found = with_setting(FILE, "ca_file", "/ca.pem", table="tls")
    made = with_setting('hub = "x"\n', "ca_file", "/ca.pem", table="tls")

    assert tomllib.loads(found)["tls"] == tomllib.loads(made)["tls"] == {"ca_file": "/ca.pem"}
    assert 'reboot_argv = ["a",\n  "b"]\n' in found


def test_a_table_that_a_comment_shows_becomes_one() -> None:
    text = '# [tls]   # of everything\n# ca_file = "/etc/ca.pem"\n\n# [logs]\n# files = []\n'

    edited = with_setting(text, "ca_file", "/ca.pem", table="tls")

    assert edited == ('[tls]   # of everything\nca_file = "/ca.pem"\n\n# [logs]\n# files = []\n')


@pytest.mark.parametrize(
    "text", ["hub = [\n1,\n]\n", 'tls.hub = "x"\n[tls\n', "text = '''\nhub = 1\n'''\n"]
)
def test_what_a_person_has_to_do_is_refused(text: str) -> None:
    with pytest.raises(CannotEdit):
        with_setting(text, "hub", "https://a.example")
