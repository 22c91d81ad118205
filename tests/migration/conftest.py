from tests.integration.hub.conftest import cluster, database, database_name, database_url, owner

__all__ = ["cluster", "database", "database_name", "database_url", "owner"]
