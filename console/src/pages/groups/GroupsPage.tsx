import { Button } from "@mantine/core";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { Empty } from "../../parts/Empty";
import { GroupIcon, PlusIcon } from "../../parts/icons";
import { Hint } from "../../parts/Label";
import { Page } from "../../parts/Page";
import { ProblemLine } from "../../parts/ProblemLine";
import { TimeText } from "../../parts/TimeText";
import type { Column, Reading } from "../../parts/table/columns";
import { DataTable } from "../../parts/table/DataTable";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import { number } from "../../text/format";
import { create, type Group, readMembers, useConnectedCounts, useGroups } from "./data";
import { GroupDialog } from "./GroupDialog";
import { GroupView } from "./GroupView";
import classes from "./groups.module.css";

export function GroupsPage() {
  const text = useText();
  const may = useMay();
  const { group: openId } = useSearch({ from: "/groups" });
  const navigate = useNavigate({ from: "/groups" });
  const groups = useGroups();
  const [creating, setCreating] = useState(false);
  const open = groups.data?.find(({ id }) => id === openId);
  if (openId !== undefined && open !== undefined) return <GroupView key={openId} group={open} />;

  const newGroup = may("device-groups:create") && (
    <Button leftSection={<PlusIcon size={14} />} onClick={() => setCreating(true)}>
      {text.groups.create}
    </Button>
  );
  return (
    <Page title={text.shell.pages.groups} actions={groups.data?.length ? newGroup : null}>
      {groups.isSuccess && openId !== undefined && (
        <ProblemLine error={new Error(text.groups.gone)} />
      )}
      <Groups
        reading={groups}
        groups={groups.data ?? []}
        empty={
          <Empty icon={GroupIcon} title={text.groups.none}>
            <p>{text.groups.noneHint}</p>
            {newGroup}
          </Empty>
        }
      />
      {creating && (
        <GroupDialog
          title={text.groups.createTitle}
          act={text.groups.create}
          save={create}
          onSaved={({ id, query }) => {
            if (query !== null) void readMembers();
            void navigate({ search: { group: id } });
          }}
          onClose={() => setCreating(false)}
        />
      )}
    </Page>
  );
}

type GroupsProps = { groups: readonly Group[]; reading: Reading; empty: ReactNode };

function Groups({ groups, reading, empty }: GroupsProps) {
  const text = useText();
  const words = text.groups;
  const connected = useConnectedCounts();
  const columns: Column<Group>[] = [
    {
      key: "name",
      title: words.name,
      cell: ({ id, name }) => (
        <Link to="/groups" search={{ group: id }} className={classes.open}>
          {name}
        </Link>
      ),
    },
    {
      key: "query",
      title: words.query,
      cell: ({ query }) => (query === null ? <Hint>{words.byHand}</Hint> : <code>{query}</code>),
    },
    { key: "members", title: words.members, cell: ({ memberCount }) => number(memberCount) },
    {
      key: "online",
      title: words.online,
      cell: ({ id, memberCount }) => <Share of={memberCount} count={connected.get(id) ?? 0} />,
    },
    { key: "created", title: words.created, cell: ({ createdAt }) => <TimeText at={createdAt} /> },
  ];
  return (
    <DataTable
      label={text.shell.pages.groups}
      columns={columns}
      rows={groups}
      keyOf={({ id }) => id}
      marks={({ id }) => ({ "data-group": id })}
      least={560}
      reading={reading}
      empty={empty}
    />
  );
}

/** How many of them, as a number and as a bar. */
function Share({ count, of }: { count: number; of: number }) {
  return (
    <span className={classes.share}>
      <span className={classes.bar} aria-hidden="true">
        <span style={{ width: `${of > 0 ? (100 * count) / of : 0}%` }} />
      </span>
      {number(count)}
    </span>
  );
}
