import { Button, Drawer, Menu, Stack } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Fragment, useState } from "react";
import { useChange } from "../../api/change";
import { csv, download } from "../../parts/csv";
import { Empty } from "../../parts/Empty";
import { AuditIcon, DownloadIcon } from "../../parts/icons";
import { Json } from "../../parts/Json";
import { Page } from "../../parts/Page";
import { TimeText } from "../../parts/TimeText";
import { type Text, useText } from "../../text";
import { AuditTable } from "./AuditTable";
import classes from "./audit.module.css";
import { type AuditRow, MOST_EXPORTED, readAll, useAudit } from "./data";
import { Filters } from "./Filters";
import { changed, type Names, nameOf } from "./names";
import type { AuditSearch } from "./search";
import { useNames } from "./useNames";

export function AuditPage() {
  const text = useText();
  const words = text.audit;
  const search = useSearch({ from: "/audit" });
  const navigate = useNavigate({ from: "/audit" });
  const audit = useAudit(search);
  const names = useNames();
  const [open, setOpen] = useState<AuditRow | null>(null);
  const rows = audit.data?.pages.flatMap(({ items }) => items) ?? [];
  const more = () => {
    if (!audit.isFetchingNextPage) void audit.fetchNextPage();
  };
  const go = (next: AuditSearch) => void navigate({ search: next, replace: true });
  return (
    <Page
      title={text.shell.pages.audit}
      aside={
        audit.isSuccess && (
          <output className="dim">{words.shown(rows.length, audit.hasNextPage)}</output>
        )
      }
      actions={<Export search={search} />}
      wide
      fill
    >
      <Filters search={search} names={names} onSearch={go} />
      <AuditTable
        rows={rows}
        names={names}
        reading={audit}
        onMore={audit.hasNextPage ? more : null}
        onFilter={part => go({ ...search, ...part })}
        onOpen={setOpen}
        empty={
          <Empty icon={AuditIcon} title={words.none}>
            <p>{words.noneHint}</p>
            <Button variant="default" onClick={() => go({})}>
              {words.clear}
            </Button>
          </Empty>
        }
      />
      <Detail row={open} names={names} onClose={() => setOpen(null)} />
    </Page>
  );
}

function Export({ search }: { search: AuditSearch }) {
  const text = useText();
  const words = text.audit;
  const change = useChange(
    async (form: "csv" | "json") => {
      const rows = await readAll(search);
      if (form === "csv") download("audit.csv", asCsv(rows, text));
      else download("audit.json", JSON.stringify(rows, null, 2), "application/json");
      return rows.length;
    },
    {
      onDone: count =>
        notifications.show({
          message: count < MOST_EXPORTED ? words.exported(count) : words.exportedSome(count),
        }),
    },
  );
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button
          variant="default"
          leftSection={<DownloadIcon size={14} />}
          loading={change.isPending}
        >
          {words.export}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => change.mutate("csv")}>{words.asCsv}</Menu.Item>
        <Menu.Item onClick={() => change.mutate("json")}>{words.asJson}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function asCsv(rows: readonly AuditRow[], text: Text): string {
  const { time, actor, action, target, outcome, reason, address, changes, detail } = text.audit;
  return csv([
    [time, actor, action, target, outcome, reason, address, changes, detail],
    ...rows.map(row => [
      row.at,
      row.actor,
      row.action,
      row.target,
      row.outcome,
      row.reason,
      row.address,
      JSON.stringify(row.changes),
      JSON.stringify(row.detail),
    ]),
  ]);
}

type DetailProps = { row: AuditRow | null; names: Names; onClose: () => void };

function Detail({ row, names, onClose }: DetailProps) {
  const text = useText();
  const words = text.audit;
  return (
    <Drawer
      opened={row !== null}
      onClose={onClose}
      position="right"
      size="md"
      title={row?.action}
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      {row && (
        <Stack gap="sm">
          <dl className={classes.facts}>
            <dt>{words.time}</dt>
            <dd>
              <TimeText at={row.at} full />
            </dd>
            {factsOf(row, names, text).map(([name, value]) => (
              <Fragment key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </Fragment>
            ))}
          </dl>
          <Changes row={row} names={names} />
          {Object.keys(row.detail).length > 0 && <Json value={row.detail} />}
        </Stack>
      )}
    </Drawer>
  );
}

/** What is known of the deed, without what is not. */
function factsOf(row: AuditRow, names: Names, text: Text): [string, string][] {
  const words = text.audit;
  const target = row.target ?? text.common.none;
  const name = nameOf(target, names);
  const facts: [string, string | null][] = [
    [words.actor, `${row.actorName} (${words.actorKinds[row.actorKind]})`],
    [words.target, name === target ? target : `${name} (${target})`],
    [words.outcome, words.outcomes[row.outcome]],
    [words.reason, row.reason],
    [words.address, row.address],
    [words.credential, row.credential],
    [words.request, row.requestId],
    [words.id, row.id],
  ];
  return facts.flatMap(([fact, value]) => (value === null ? [] : [[fact, value]]));
}

function Changes({ row, names }: { row: AuditRow; names: Names }) {
  const words = useText().audit;
  const changes = Object.entries(row.changes);
  if (changes.length === 0) return null;
  return (
    <section>
      <h3>{words.changes}</h3>
      <dl className={classes.facts}>
        {changes.map(([field, change]) => (
          <Fragment key={field}>
            <dt>{field}</dt>
            <dd>{changed(change, names)}</dd>
          </Fragment>
        ))}
      </dl>
    </section>
  );
}
