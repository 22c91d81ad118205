import { Button } from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { type Application, useApplications } from "../../api/applications";
import { Empty } from "../../parts/Empty";
import { ApplicationIcon, PlusIcon } from "../../parts/icons";
import { Label } from "../../parts/Label";
import { shortOf } from "../../parts/revisions";
import { TimeText } from "../../parts/TimeText";
import type { Column } from "../../parts/table/columns";
import { DataTable } from "../../parts/table/DataTable";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import { ComposeDialog } from "./ComposeDialog";
import { States } from "./States";
import { useLiveStates } from "./useLiveStates";

/** The button that makes one, for who may, and the way to it. */
export function AddApplication() {
  const words = useText().applications;
  const may = useMay();
  const navigate = useNavigate();
  const [isOpen, setOpen] = useState(false);
  if (!may("applications:create")) return null;
  return (
    <>
      <Button leftSection={<PlusIcon size={14} />} onClick={() => setOpen(true)}>
        {words.add}
      </Button>
      {isOpen && (
        <ComposeDialog
          onDone={name => void navigate({ to: "/applications/$name", params: { name } })}
          onClose={() => setOpen(false)}
        />
      )}
    </>
  );
}

export function Applications() {
  const text = useText();
  const words = text.applications;
  const mayCount = useMay()("workloads:list");
  const list = useApplications();
  useLiveStates();
  const rows = list.data?.pages.flatMap(({ items }) => items) ?? [];
  const columns: Column<Application>[] = [
    {
      key: "name",
      title: words.name,
      cell: ({ name }) => (
        <Link to="/applications/$name" params={{ name }}>
          {name}
        </Link>
      ),
    },
    {
      key: "current",
      title: words.current,
      className: "mono",
      cell: ({ current }) => (current === null ? words.noCurrent : shortOf(current)),
    },
    { key: "target", title: words.target, cell: ({ target }) => target ?? words.noTarget },
    {
      key: "status",
      title: words.status,
      cell: ({ status }) => status === "PAUSED" && <Label tone="warn">{words.paused}</Label>,
    },
    ...(mayCount
      ? [
          {
            key: "states",
            title: words.services,
            cell: ({ name }: Application) => <States name={name} />,
          },
        ]
      : []),
    { key: "changed", title: words.changed, cell: ({ updatedAt }) => <TimeText at={updatedAt} /> },
  ];
  return (
    <>
      <DataTable
        label={text.shell.pages.applications}
        columns={columns}
        rows={rows}
        keyOf={({ id }) => id}
        marks={({ id }) => ({ "data-application": id })}
        least={640}
        reading={list}
        empty={
          <Empty icon={ApplicationIcon} title={words.none}>
            <p>{words.noneHint}</p>
          </Empty>
        }
      />
      {list.hasNextPage && (
        <Button variant="default" onClick={() => void list.fetchNextPage()}>
          {text.common.more}
        </Button>
      )}
    </>
  );
}
