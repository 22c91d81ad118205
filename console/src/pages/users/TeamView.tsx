import { ActionIcon, Button, MultiSelect, Stack } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useChange } from "../../api/change";
import {
  addToTeam,
  BINDINGS,
  deleteTeam,
  removeFromTeam,
  renameTeam,
  TEAMS,
  type Team,
  useTeamMembers,
  useTeams,
} from "../../api/rights";
import { Bindings } from "../../parts/Bindings";
import { Confirm } from "../../parts/Confirm";
import { TrashIcon } from "../../parts/icons";
import { Hint } from "../../parts/Label";
import { Loading } from "../../parts/Loading";
import { NameDialog } from "../../parts/NameDialog";
import { subjectName, useSubjects } from "../../parts/names";
import { Page, Section } from "../../parts/Page";
import { ProblemLine } from "../../parts/ProblemLine";
import type { Column } from "../../parts/table/columns";
import { DataTable } from "../../parts/table/DataTable";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import { Back } from "./Back";
import classes from "./users.module.css";

/** A team: who is in it, and which roles they have by it. */
export function TeamView({ id }: { id: string }) {
  const text = useText();
  const words = text.users.teams;
  const may = useMay();
  const teams = useTeams();
  const team = teams.data?.find(one => one.id === id);
  const back = <Back to={{ tab: "teams" }} label={text.users.all.teams} />;
  if (team === undefined) {
    return (
      <Page title={words.name} aside={back}>
        {teams.isPending && <Loading height={120} />}
        {teams.isError && <ProblemLine error={teams.error} onRetry={() => void teams.refetch()} />}
        {teams.isSuccess && <ProblemLine error={new Error(words.gone)} />}
      </Page>
    );
  }
  return (
    <Page title={team.name} aside={back} actions={<TeamActions team={team} />}>
      <Section title={words.members}>
        <Members team={team} />
      </Section>
      {may("role-bindings:list") && (
        <Section title={text.users.bindings.title}>
          <Bindings of={{ kind: "team", id }} />
        </Section>
      )}
    </Page>
  );
}

function TeamActions({ team }: { team: Team }) {
  const text = useText();
  const words = text.users.teams;
  const may = useMay();
  const navigate = useNavigate({ from: "/users" });
  const [dialog, setDialog] = useState<"rename" | "delete" | null>(null);
  const close = () => setDialog(null);
  const remove = useChange(() => deleteTeam(team.id), {
    stale: [TEAMS, BINDINGS],
    onDone: () => void navigate({ search: { tab: "teams" } }),
  });
  return (
    <>
      {may("teams:update") && (
        <Button variant="default" onClick={() => setDialog("rename")}>
          {words.rename}
        </Button>
      )}
      {may("teams:delete") && (
        <Button variant="default" onClick={() => setDialog("delete")}>
          {words.delete}
        </Button>
      )}
      {dialog === "rename" && (
        <NameDialog
          title={words.rename}
          label={words.name}
          act={words.rename}
          name={team.name}
          save={name => renameTeam(team.id, name)}
          stale={[TEAMS]}
          onClose={close}
        />
      )}
      {dialog === "delete" && (
        <Confirm
          title={words.deleteTitle(team.name)}
          act={words.delete}
          busy={remove.isPending}
          onConfirm={() => remove.mutate(undefined)}
          onClose={close}
        >
          {words.deleteHint}
        </Confirm>
      )}
    </>
  );
}

function Members({ team }: { team: Team }) {
  const text = useText();
  const words = text.users.teams;
  const changes = useMay()("teams:update");
  const subjects = useSubjects();
  const members = useTeamMembers(team.id);
  const [chosen, setChosen] = useState<string[]>([]);
  const add = useChange((ids: string[]) => addToTeam(team.id, ids), {
    stale: [TEAMS],
    onDone: () => setChosen([]),
  });
  const remove = useChange((userId: string) => removeFromTeam(team.id, [userId]), {
    stale: [TEAMS],
  });
  const name = (id: string) => subjectName({ kind: "user", id }, subjects);
  const columns: Column<string>[] = [
    { key: "name", title: text.users.name, cell: id => <strong>{name(id)}</strong> },
    {
      key: "remove",
      title: "",
      right: true,
      cell: id =>
        changes && (
          <ActionIcon aria-label={words.removeOf(name(id))} onClick={() => remove.mutate(id)}>
            <TrashIcon />
          </ActionIcon>
        ),
    },
  ];
  const others = subjects.user.filter(({ value }) => !members.data?.includes(value));
  return (
    <Stack gap="sm">
      {changes && (
        <div className={classes.fields}>
          <MultiSelect
            label={words.add}
            searchable
            limit={100}
            value={chosen}
            data={others}
            onChange={setChosen}
          />
          <Button
            disabled={chosen.length === 0}
            loading={add.isPending}
            onClick={() => add.mutate(chosen)}
          >
            {words.add}
          </Button>
        </div>
      )}
      <DataTable
        label={words.members}
        columns={columns}
        rows={members.data ?? []}
        keyOf={id => id}
        marks={id => ({ "data-member": name(id) })}
        reading={members}
        empty={<Hint>{words.noMembers}</Hint>}
        place={80}
      />
    </Stack>
  );
}
