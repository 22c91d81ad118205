"""The OpenAPI and AsyncAPI documents, generated from the table of routes and from the protocol."""
