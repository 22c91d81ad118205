import { Button, SegmentedControl } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import type { Device } from "../../../live/standing";
import { Empty } from "../../../parts/Empty";
import { AuditIcon, CheckIcon, CrossIcon, WarningIcon } from "../../../parts/icons";
import { Json } from "../../../parts/Json";
import { Section } from "../../../parts/Page";
import { TimeText } from "../../../parts/TimeText";
import type { Column } from "../../../parts/table/columns";
import { DataTable } from "../../../parts/table/DataTable";
import { Listed } from "../../../parts/table/Listed";
import { useCompact } from "../../../parts/useCompact";
import { type Text, useText } from "../../../text";
import { describe, type Happening, type Tone, TYPES } from "./describe";
import classes from "./events.module.css";
import { useEvents } from "./useEvents";

const ROW = 36;

export function Events({ device }: { device: Device }) {
  const { type: asked } = useSearch({ from: "/devices/$deviceId" });
  const type = TYPES.find(one => one === asked) ?? null;
  return <OfType key={type} device={device} type={type} />;
}

function OfType({ device, type }: { device: Device; type: (typeof TYPES)[number] | null }) {
  const text = useText();
  const words = text.device.events;
  const navigate = useNavigate();
  const list = useEvents(device.id, type);
  const [open, setOpen] = useState<string | null>(null);
  const chosen = list.events.find(({ key }) => key === open);
  return (
    <div className={classes.events}>
      <SegmentedControl
        className={classes.types ?? ""}
        size="xs"
        aria-label={words.type}
        value={type ?? ""}
        onChange={value =>
          void navigate({
            to: ".",
            replace: true,
            search: value === "" ? { tab: "events" } : { tab: "events", type: value },
          })
        }
        data={["", ...TYPES].map(value => ({
          value,
          label: value === "" ? words.all : (words.types[value] ?? value),
        }))}
      />
      <Listed
        count={list.events.length}
        reading={list.reading}
        empty={
          <Empty icon={AuditIcon} title={words.none}>
            <p>{words.noneHint}</p>
          </Empty>
        }
      >
        <div className={classes.split}>
          <Rows
            events={list.events}
            open={open}
            onOpen={setOpen}
            more={list.more}
            loading={list.loading}
          />
          <Section
            title={chosen ? words.detail(words.types[chosen.type] ?? chosen.type) : words.pick}
          >
            {chosen ? (
              <div className={classes.detail}>
                <TimeText at={chosen.ts} full />
                <Json value={chosen.event} />
              </div>
            ) : (
              <p className={`dim ${classes.hint}`}>{words.pickHint}</p>
            )}
          </Section>
        </div>
      </Listed>
    </div>
  );
}

type RowsProps = {
  events: readonly Happening[];
  open: string | null;
  onOpen: (key: string) => void;
  more: (() => void) | null;
  loading: boolean;
};

function Rows({ events, open, onOpen, more, loading }: RowsProps) {
  const text = useText();
  const words = text.device.events;
  const compact = useCompact();
  const columns = useMemo(() => columnsOf(text, compact), [text, compact]);
  return (
    <div className={classes.frame}>
      <DataTable
        bare
        headless
        label={words.list}
        columns={columns}
        rows={events}
        keyOf={keyOf}
        marks={marks}
        rowHeight={ROW}
        most="max(320px, calc(100dvh - 380px))"
        opened={open}
        onOpen={onOpen}
        opensByClick
      />
      <div className={classes.foot}>
        <span className="dim">{words.count(events.length)}</span>
        {more && (
          <Button variant="subtle" size="compact-xs" loading={loading} onClick={more}>
            {text.common.more}
          </Button>
        )}
      </div>
    </div>
  );
}

const keyOf = ({ key }: Happening) => key;
const marks = ({ type }: Happening) => ({ "data-event": type });

function columnsOf(text: Text, compact: boolean): Column<Happening>[] {
  const words = text.device.events;
  const columns: Column<Happening>[] = [
    {
      key: "tone",
      title: words.tone,
      width: "16px",
      cell: event => <Mark tone={describe(event).tone} words={words} />,
    },
    {
      key: "type",
      title: words.type,
      width: "56px",
      className: "dim",
      cell: ({ type }) => words.types[type] ?? type,
    },
    {
      key: "subject",
      title: words.subject,
      width: compact ? "minmax(0, 1fr)" : "minmax(90px, 200px)",
      cell: event => <span className={classes.subject}>{describe(event).subject}</span>,
    },
    {
      key: "data",
      title: words.data,
      width: "minmax(0, 1fr)",
      cell: event => <span className={classes.data}>{describe(event).detail}</span>,
    },
    {
      key: "when",
      title: words.when,
      width: "90px",
      className: classes.when,
      cell: ({ ts }) => <TimeText at={ts} />,
    },
  ];
  return compact ? columns.filter(({ key }) => key !== "data") : columns;
}

function Mark({ tone, words }: { tone: Tone; words: Text["device"]["events"] }) {
  const Icon = { ok: CheckIcon, warn: WarningIcon, bad: CrossIcon, none: null }[tone];
  if (Icon === null) return null;
  return (
    <span
      className={classes.mark}
      style={{ color: `var(--${tone})` }}
      role="img"
      aria-label={words.tones[tone]}
      title={words.tones[tone]}
    >
      <Icon size={14} />
    </span>
  );
}
