import { Button } from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { type Application, useApplications } from "../../api/applications";
import { Empty } from "../../parts/Empty";
import { ApplicationIcon, PlusIcon } from "../../parts/icons";
import { Label } from "../../parts/Label";
import { Page } from "../../parts/Page";
import { TimeText } from "../../parts/TimeText";
import type { Column } from "../../parts/table/columns";
import { DataTable } from "../../parts/table/DataTable";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import { ComposeDialog } from "./ComposeDialog";
import { shortOf } from "./shortOf";

export function ApplicationsPage() {
  const text = useText();
  const words = text.applications;
  const may = useMay();
  const navigate = useNavigate();
  const list = useApplications();
  const [adding, setAdding] = useState(false);
  const rows = list.data?.pages.flatMap(({ items }) => items) ?? [];
  const add = may("applications:create") && (
    <Button leftSection={<PlusIcon size={14} />} onClick={() => setAdding(true)}>
      {words.add}
    </Button>
  );
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
    { key: "changed", title: words.changed, cell: ({ updatedAt }) => <TimeText at={updatedAt} /> },
  ];
  return (
    <Page title={text.shell.pages.applications} actions={rows.length > 0 && add}>
      <DataTable
        label={text.shell.pages.applications}
        columns={columns}
        rows={rows}
        keyOf={({ id }) => id}
        marks={({ id }) => ({ "data-application": id })}
        least={560}
        reading={list}
        empty={
          <Empty icon={ApplicationIcon} title={words.none}>
            <p>{words.noneHint}</p>
            {add}
          </Empty>
        }
      />
      {list.hasNextPage && (
        <Button variant="default" onClick={() => void list.fetchNextPage()}>
          {text.common.more}
        </Button>
      )}
      {adding && (
        <ComposeDialog
          onDone={name => void navigate({ to: "/applications/$name", params: { name } })}
          onClose={() => setAdding(false)}
        />
      )}
    </Page>
  );
}
