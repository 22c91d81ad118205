"""What people and keys may do, and where: roles, bindings of roles, teams."""
