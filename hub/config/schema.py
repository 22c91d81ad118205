"""The organisation's JSON Schema for configurations: whether a patch would violate it."""

from hub.base.errors import Invalid
from hub.base.json_schema import JsonSchema
from protocol.merge_patch import Document


class Rule:
    """A schema, compiled. Raises `Invalid` when it is none."""

    def __init__(self, schema: Document) -> None:
        self._schema = JsonSchema(schema)

    def problem(self, document: Document) -> Invalid | None:
        """Why the hub does not push a patch that would make this of the configuration."""
        errors = self._schema.errors(document, "config")
        if not errors:
            return None
        first = errors[0]
        return Invalid(
            f"the configuration would violate the schema: {first.field}: {first.message}",
            errors=errors,
        )
