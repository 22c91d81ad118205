import { Button, Table } from "@mantine/core";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { Empty } from "../../parts/Empty";
import { Frame } from "../../parts/Frame";
import { GroupIcon, PlusIcon } from "../../parts/icons";
import { Loading } from "../../parts/Loading";
import { Page } from "../../parts/Page";
import { ProblemLine } from "../../parts/ProblemLine";
import { TimeText } from "../../parts/TimeText";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import { number } from "../../text/format";
import { create, useConnectedCounts, useGroups } from "./data";
import { GroupView } from "./GroupView";
import classes from "./groups.module.css";
import { NameDialog } from "./NameDialog";

export function GroupsPage() {
  const text = useText();
  const may = useMay();
  const { group: openId } = useSearch({ from: "/groups" });
  const navigate = useNavigate({ from: "/groups" });
  const groups = useGroups();
  const [creating, setCreating] = useState(false);
  const open = groups.data?.find(({ id }) => id === openId);
  if (openId !== undefined && open !== undefined) return <GroupView key={openId} group={open} />;

  const newGroup = may("manage") && (
    <Button leftSection={<PlusIcon size={14} />} onClick={() => setCreating(true)}>
      {text.groups.create}
    </Button>
  );
  return (
    <Page title={text.shell.pages.groups} actions={groups.data?.length ? newGroup : null}>
      {groups.isError && <ProblemLine error={groups.error} onRetry={() => void groups.refetch()} />}
      {groups.isPending && <Loading height={200} />}
      {groups.isSuccess && openId !== undefined && (
        <ProblemLine error={new Error(text.groups.gone)} />
      )}
      {groups.data && groups.data.length > 0 && <Groups groups={groups.data} />}
      {groups.data?.length === 0 && (
        <Empty icon={GroupIcon} title={text.groups.none}>
          <p>{text.groups.noneHint}</p>
          {newGroup}
        </Empty>
      )}
      {creating && (
        <NameDialog
          title={text.groups.createTitle}
          act={text.groups.create}
          save={create}
          onSaved={({ id }) => void navigate({ search: { group: id } })}
          onClose={() => setCreating(false)}
        />
      )}
    </Page>
  );
}

function Groups({ groups }: { groups: NonNullable<ReturnType<typeof useGroups>["data"]> }) {
  const text = useText().groups;
  const connected = useConnectedCounts();
  return (
    <Frame
      label={useText().shell.pages.groups}
      heads={[text.name, text.members, text.online, text.created]}
      least={440}
    >
      {groups.map(({ id, name, memberCount, createdAt }) => (
        <Table.Tr key={id} data-group={id}>
          <Table.Td>
            <Link to="/groups" search={{ group: id }} className={classes.open}>
              {name}
            </Link>
          </Table.Td>
          <Table.Td>{number(memberCount)}</Table.Td>
          <Table.Td>
            <Share of={memberCount} count={connected.get(id) ?? 0} />
          </Table.Td>
          <Table.Td>
            <TimeText at={createdAt} />
          </Table.Td>
        </Table.Tr>
      ))}
    </Frame>
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
