import pytest

from hub.socket.client_certificate import NAME, NotACertificate, certificate_of, settled, value_of

DER = b"certificate"
GIVEN = (NAME.encode(), value_of(b"theirs"))
HOST = (b"host", b"hub")


def test_what_is_written_is_read() -> None:
    assert certificate_of(value_of(DER).decode()) == DER
    assert certificate_of(None) is None


@pytest.mark.parametrize("value", [":Y2U=:", ":Y2U:", ":Y2U=:;a=1"])
def test_parameters_and_padding_do_not_count(value: str) -> None:
    assert certificate_of(value) == b"ce"


@pytest.mark.parametrize("value", ["", "::"])
def test_nothing_is_no_certificate(value: str) -> None:
    assert certificate_of(value) is None


@pytest.mark.parametrize("value", [":", "::x", "Y2U=", ":Y2U", ":Y2U=:a", ":!!!!:", ":Y2===:"])
def test_what_is_no_byte_sequence_is_refused(value: str) -> None:
    with pytest.raises(NotACertificate):
        certificate_of(value)


def test_what_tls_has_shown_replaces_whatever_is_said() -> None:
    for is_believed in (True, False):
        found = settled([GIVEN, HOST, GIVEN], shown=DER, is_believed=is_believed)
        assert found == [HOST, (NAME.encode(), value_of(DER))]


def test_the_word_of_anybody_is_removed_and_that_of_a_proxy_stays() -> None:
    assert settled([GIVEN, HOST], shown=None, is_believed=False) == [HOST]
    assert settled([GIVEN, HOST], shown=None, is_believed=True) is None
    for is_believed in (True, False):
        assert settled([HOST], shown=None, is_believed=is_believed) is None


@pytest.mark.parametrize("headers", [[GIVEN, GIVEN], [(NAME.encode(), b"nonsense")]])
def test_a_proxy_that_says_it_wrong_is_told(headers: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(NotACertificate):
        settled(headers, shown=None, is_believed=True)
