"""How events go out."""

from dashboard_ws.core.wire import AS_IT_IS, SSE, Frames


def test_a_frame_has_the_place_in_the_text() -> None:
    framed = Frames(lambda text: b"<%b>" % text)
    assert framed.text(b"{}") == b"<{}>"
    assert framed.event(b'{"type":"scan"}', "e1", 7) == b'<{"type":"scan","epoch":"e1","offset":7}>'
    assert AS_IT_IS.text(b"{}") == b"{}"


def test_a_message_has_it_as_its_id_too() -> None:
    assert SSE.text(b"{}") == b"data: {}\n\n"
    assert SSE.placed(b"{}", "e1", 7) == b"id: e1:7\ndata: {}\n\n"
    message = b'id: e1:7\ndata: {"type":"scan","epoch":"e1","offset":7}\n\n'
    assert SSE.event(b'{"type":"scan"}', "e1", 7) == message
