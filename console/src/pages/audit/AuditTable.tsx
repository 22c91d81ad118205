import { UnstyledButton, VisuallyHidden } from "@mantine/core";
import { useMemo } from "react";
import { TimeText } from "../../parts/TimeText";
import type { Column, Reading } from "../../parts/table/columns";
import { DataTable } from "../../parts/table/DataTable";
import { type Text, useText } from "../../text";
import { NONE } from "../../text/format";
import classes from "./audit.module.css";
import type { AuditRow } from "./data";
import { inOneLine, type Names, nameOf } from "./names";
import type { AuditSearch } from "./search";

const ROW = 36;

type Props = {
  names: Names;
  rows: readonly AuditRow[];
  reading: Reading;
  empty: React.ReactNode;
  onMore: (() => void) | null;
  onFilter: (part: AuditSearch) => void;
  onOpen: (row: AuditRow) => void;
};

/** The next page is fetched before one gets there. */
export function AuditTable({ rows, names, reading, empty, onMore, onFilter, onOpen }: Props) {
  const text = useText();
  const columns = useMemo(
    () => columnsOf(names, text.audit, onFilter, onOpen),
    [names, text, onFilter, onOpen],
  );
  const open = (id: string) => {
    const row = rows.find(one => one.id === id);
    if (row !== undefined) onOpen(row);
  };
  return (
    <DataTable
      label={text.shell.pages.audit}
      columns={columns}
      rows={rows}
      keyOf={idOf}
      marks={marks}
      rowHeight={ROW}
      least={860}
      onMore={onMore}
      onOpen={open}
      reading={reading}
      empty={empty}
      place={320}
    />
  );
}

const idOf = ({ id }: AuditRow) => id;
const marks = ({ action }: AuditRow) => ({ "data-audit": action });

function columnsOf(
  names: Names,
  words: Text["audit"],
  onFilter: Props["onFilter"],
  onOpen: Props["onOpen"],
): Column<AuditRow>[] {
  const filter = (key: "actor" | "action" | "target", value: string, shown = value) => (
    <UnstyledButton
      className={`${classes.filter} truncate`}
      title={words.onlyThis(words[key], value)}
      onClick={() => onFilter({ [key]: value })}
    >
      {shown}
    </UnstyledButton>
  );
  return [
    { key: "at", title: words.time, width: "100px", cell: row => <TimeText at={row.at} /> },
    {
      key: "actor",
      title: words.actor,
      width: "minmax(90px, 0.8fr)",
      cell: ({ actor, actorName }) => filter("actor", actor, actorName),
    },
    {
      key: "action",
      title: words.action,
      width: "minmax(140px, 1fr)",
      cell: ({ action }) => filter("action", action),
    },
    {
      key: "target",
      title: words.target,
      width: "minmax(120px, 1.2fr)",
      cell: ({ target }) => target !== null && filter("target", target, nameOf(target, names)),
    },
    {
      key: "outcome",
      title: words.outcome,
      width: "74px",
      cell: ({ outcome }) => <span data-outcome={outcome}>{words.outcomes[outcome]}</span>,
    },
    {
      key: "address",
      title: words.address,
      width: "minmax(84px, 0.6fr)",
      className: "truncate",
      cell: ({ address }) => address ?? <span className="dim">{NONE}</span>,
    },
    {
      key: "detail",
      title: words.detail,
      width: "minmax(160px, 2.2fr)",
      cell: row => (
        <UnstyledButton className={`${classes.detail} mono truncate`} onClick={() => onOpen(row)}>
          <VisuallyHidden>{words.open(row.action, row.target ?? "")} </VisuallyHidden>
          {inOneLine(row, names)}
        </UnstyledButton>
      ),
    },
  ];
}
