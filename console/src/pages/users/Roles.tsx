import { Button, Stack } from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { createRole, ROLES_OF, type RoleItem, useRoles } from "../../api/rights";
import { PlusIcon } from "../../parts/icons";
import { Actions, Label } from "../../parts/Label";
import { NameDialog } from "../../parts/NameDialog";
import { roleName } from "../../parts/names";
import type { Column } from "../../parts/table/columns";
import { DataTable } from "../../parts/table/DataTable";
import { useMay } from "../../session/access";
import { useText } from "../../text";

/** Roles: the built-in ones, and the organisation's own. */
export function Roles() {
  const text = useText();
  const words = text.users.roles;
  const may = useMay();
  const navigate = useNavigate({ from: "/users" });
  const roles = useRoles();
  const [creating, setCreating] = useState(false);
  const columns: Column<RoleItem>[] = [
    {
      key: "name",
      title: text.users.role,
      cell: ({ name }) => (
        <Link to="/users" search={{ tab: "roles", id: name }}>
          {roleName(name, text)}
        </Link>
      ),
    },
    { key: "kind", title: "", cell: role => role.builtIn && <Label>{words.builtIn}</Label> },
    { key: "about", title: words.about, cell: role => aboutOf(role, text.users.may, words.some) },
  ];
  return (
    <Stack gap="sm">
      {may("roles:create") && (
        <Actions>
          <Button leftSection={<PlusIcon size={14} />} onClick={() => setCreating(true)}>
            {words.create}
          </Button>
        </Actions>
      )}
      <DataTable
        label={text.users.tabs.roles}
        columns={columns}
        rows={roles.data ?? []}
        keyOf={({ name }) => name}
        marks={({ name }) => ({ "data-role": name })}
        reading={roles}
      />
      {creating && (
        <NameDialog
          title={words.create}
          label={words.name}
          act={words.create}
          longest={64}
          save={createRole}
          stale={[ROLES_OF]}
          onSaved={({ name }) => void navigate({ search: { tab: "roles", id: name } })}
          onClose={() => setCreating(false)}
        />
      )}
    </Stack>
  );
}

/** A sentence for a built-in role; of one's own the resources. */
function aboutOf(
  { name, rules, builtIn }: RoleItem,
  sentences: Record<string, string>,
  some: (resources: string[]) => string,
): string {
  if (builtIn) return sentences[name] ?? "";
  return some([...new Set(rules.flatMap(({ resources }) => resources))]);
}
