import { UnstyledButton, VisuallyHidden } from "@mantine/core";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef } from "react";
import { TimeText } from "../../parts/TimeText";
import { useText } from "../../text";
import classes from "./audit.module.css";
import type { AuditRow } from "./data";
import { inOneLine, type Names, nameOf } from "./names";
import type { AuditSearch } from "./search";

const ROW = 36;
/** So many rows before the end the next page is fetched. */
const AHEAD = 30;

type Props = {
  names: Names;
  rows: readonly AuditRow[];
  more: boolean;
  onMore: () => void;
  onFilter: (part: AuditSearch) => void;
  onOpen: (row: AuditRow) => void;
};

/** Rows of which those in sight are drawn; the next page is fetched before one gets there. */
export function AuditTable({ rows, names, more, onMore, onFilter, onOpen }: Props) {
  const text = useText();
  const words = text.audit;
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 12,
    getItemKey: index => rows[index]?.id ?? index,
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (more && last >= rows.length - AHEAD) onMore();
  }, [more, last, rows.length, onMore]);
  return (
    <div
      className={classes.scroller}
      ref={scroller}
      role="grid"
      tabIndex={0}
      aria-label={text.shell.pages.audit}
      aria-rowcount={more ? -1 : rows.length + 1}
    >
      <div className={classes.head} role="row" aria-rowindex={1}>
        {[
          words.time,
          words.actor,
          words.action,
          words.target,
          words.outcome,
          words.address,
          words.detail,
        ].map(title => (
          <div key={title} role="columnheader">
            {title}
          </div>
        ))}
      </div>
      <div role="rowgroup" style={{ position: "relative", height: virtual.getTotalSize() }}>
        {items.map(({ index, key, start }) => {
          const row = rows[index];
          if (row === undefined) return null;
          return (
            <Row
              key={key}
              row={row}
              names={names}
              index={index}
              top={start}
              onFilter={onFilter}
              onOpen={onOpen}
            />
          );
        })}
      </div>
    </div>
  );
}

type RowProps = {
  row: AuditRow;
  names: Names;
  index: number;
  top: number;
  onFilter: (part: AuditSearch) => void;
  onOpen: (row: AuditRow) => void;
};

function Row({ row, names, index, top, onFilter, onOpen }: RowProps) {
  const words = useText().audit;
  const { actor, actorName, action, target, outcome } = row;
  const cell = (key: "actor" | "action" | "target", value: string, shown = value) => (
    <UnstyledButton
      className={`${classes.filter} truncate`}
      title={words.onlyThis(words[key], value)}
      onClick={() => onFilter({ [key]: value })}
    >
      {shown}
    </UnstyledButton>
  );
  return (
    <div
      className={classes.row}
      role="row"
      aria-rowindex={index + 2}
      data-audit={action}
      style={{ top }}
    >
      <div role="gridcell">
        <TimeText at={row.at} />
      </div>
      <div role="gridcell">{cell("actor", actor, actorName)}</div>
      <div role="gridcell">{cell("action", action)}</div>
      <div role="gridcell">{target !== null && cell("target", target, nameOf(target, names))}</div>
      <div role="gridcell" data-outcome={outcome}>
        {words.outcomes[outcome]}
      </div>
      <div role="gridcell" className="truncate">
        {row.address ?? <span className="dim">–</span>}
      </div>
      <div role="gridcell">
        <UnstyledButton className={`${classes.detail} mono truncate`} onClick={() => onOpen(row)}>
          <VisuallyHidden>{words.open(action, target ?? "")} </VisuallyHidden>
          {inOneLine(row, names)}
        </UnstyledButton>
      </div>
    </div>
  );
}
