import pytest

from device.base.shell_templates import (
    BUILT_IN,
    Argument,
    BadTemplate,
    Template,
    TemplateRefused,
    check,
    fill,
)

TEMPLATES = {
    "copy": Template(
        ("cp", "--to={target}", "{source}", "{literal}", "{Not a gap}"),
        args={
            "target": Argument(".*"),
            "source": Argument(".+"),
            "literal": Argument("[a-z]+", "x"),
        },
    )
}


def refusal(name: str, **args: str) -> str:
    with pytest.raises(TemplateRefused) as refused:
        fill(TEMPLATES, name, args)
    assert refused.value.message
    return refused.value.code


def test_an_argument_fills_an_item_or_a_part_and_never_becomes_two() -> None:
    argv = fill(TEMPLATES, "copy", {"source": "a b; $(c) {target}", "target": "-x"})
    assert argv == ["cp", "--to=-x", "a b; $(c) {target}", "x", "{Not a gap}"]


def test_what_does_not_fit_is_refused() -> None:
    assert refusal("rm") == "unknown_template"
    assert refusal("copy", source="a", target="b", more="c") == "unknown_argument"
    assert refusal("copy", source="a") == "missing_argument"
    assert refusal("copy", source="", target="b") == "bad_argument"
    assert refusal("copy", source="a\0b", target="b") == "bad_argument"
    assert refusal("copy", source="a\n", target="b", literal="x\n") == "bad_argument"
    assert refusal("copy", source="--force", target="b") == "bad_argument"


def test_the_built_in_templates_are_right() -> None:
    assert set(BUILT_IN) == {
        "uptime", "disk", "memory", "processes", "network", "service_status", "ping",
    }  # fmt: skip
    for name, template in BUILT_IN.items():
        check(name, template)
    assert fill(BUILT_IN, "ping", {"host": "::1"}) == ["ping", "-c", "3", "-w", "20", "::1"]


@pytest.mark.parametrize(
    "template",
    [
        Template(("ls", "{path}")),
        Template(("ls",), args={"path": Argument(".*")}),
        Template(("{program}",), args={"program": Argument(".*")}),
        Template(("ls", "{path}"), args={"path": Argument("(")}),
        Template(("ls", "{path}"), args={"path": Argument("a", "b")}),
    ],
)
def test_a_template_that_could_never_be_filled_is_bad(template: Template) -> None:
    with pytest.raises(BadTemplate, match="shell template t"):
        check("t", template)
