import { Button, Stack } from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { createTeam, TEAMS, type Team, useTeams } from "../../api/rights";
import { Empty } from "../../parts/Empty";
import { GroupIcon, PlusIcon } from "../../parts/icons";
import { Actions } from "../../parts/Label";
import { NameDialog } from "../../parts/NameDialog";
import { TimeText } from "../../parts/TimeText";
import type { Column } from "../../parts/table/columns";
import { DataTable } from "../../parts/table/DataTable";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import { number } from "../../text/format";

export function Teams() {
  const text = useText();
  const words = text.users.teams;
  const may = useMay();
  const navigate = useNavigate({ from: "/users" });
  const teams = useTeams();
  const [creating, setCreating] = useState(false);
  const columns: Column<Team>[] = [
    {
      key: "name",
      title: words.name,
      cell: ({ id, name }) =>
        may("teams:get") ? (
          <Link to="/users" search={{ tab: "teams", id }}>
            {name}
          </Link>
        ) : (
          name
        ),
    },
    { key: "members", title: words.members, cell: ({ memberCount }) => number(memberCount) },
    {
      key: "created",
      title: text.users.created,
      cell: ({ createdAt }) => <TimeText at={createdAt} />,
    },
  ];
  return (
    <Stack gap="sm">
      {may("teams:create") && (
        <Actions>
          <Button leftSection={<PlusIcon size={14} />} onClick={() => setCreating(true)}>
            {words.create}
          </Button>
        </Actions>
      )}
      <DataTable
        label={text.users.tabs.teams}
        columns={columns}
        rows={teams.data ?? []}
        keyOf={({ id }) => id}
        marks={({ name }) => ({ "data-team": name })}
        reading={teams}
        empty={
          <Empty icon={GroupIcon} title={words.none}>
            <p>{words.noneHint}</p>
          </Empty>
        }
      />
      {creating && (
        <NameDialog
          title={words.create}
          label={words.name}
          act={words.create}
          save={createTeam}
          stale={[TEAMS]}
          onSaved={({ id }) => void navigate({ search: { tab: "teams", id } })}
          onClose={() => setCreating(false)}
        />
      )}
    </Stack>
  );
}
