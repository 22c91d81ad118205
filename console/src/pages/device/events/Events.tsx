import { Button, SegmentedControl } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useRef, useState } from "react";
import type { Device } from "../../../live/standing";
import { Empty } from "../../../parts/Empty";
import { AuditIcon, CheckIcon, CrossIcon, WarningIcon } from "../../../parts/icons";
import { Json } from "../../../parts/Json";
import { Section } from "../../../parts/Page";
import { ProblemLine } from "../../../parts/ProblemLine";
import { TimeText } from "../../../parts/TimeText";
import { useText } from "../../../text";
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
      {list.problem !== null && <ProblemLine error={list.problem} onRetry={list.retry} />}
      {list.events.length === 0 ? (
        !list.loading && (
          <Empty icon={AuditIcon} title={words.none}>
            <p>{words.noneHint}</p>
          </Empty>
        )
      ) : (
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
      )}
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
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: events.length,
    getScrollElement: () => scroller.current,
    getItemKey: index => events[index]?.key ?? index,
    estimateSize: () => ROW,
    overscan: 10,
  });
  return (
    <div className={classes.frame}>
      <div
        className={classes.scroller}
        ref={scroller}
        role="list"
        aria-label={words.list}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
        tabIndex={0}
      >
        <div style={{ position: "relative", height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(({ index, start, key }) => {
            const event = events[index];
            if (event === undefined) return null;
            const { subject, detail, tone } = describe(event);
            return (
              <div
                key={key}
                role="listitem"
                className={classes.place}
                style={{ transform: `translateY(${start}px)` }}
              >
                <button
                  type="button"
                  className={classes.row}
                  data-event={event.type}
                  aria-pressed={event.key === open}
                  onClick={() => onOpen(event.key)}
                >
                  <Mark tone={tone} label={words.tones[tone]} />
                  <span className={classes.type}>{words.types[event.type] ?? event.type}</span>
                  <span className={classes.subject}>{subject}</span>
                  <span className={classes.data}>{detail}</span>
                  <span className={classes.when}>
                    <TimeText at={event.ts} />
                  </span>
                </button>
              </div>
            );
          })}
        </div>
      </div>
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

function Mark({ tone, label }: { tone: Tone; label: string }) {
  const Icon = { ok: CheckIcon, warn: WarningIcon, bad: CrossIcon, none: null }[tone];
  if (Icon === null) return <span className={classes.mark} />;
  return (
    <span className={classes.mark} style={{ color: `var(--${tone})` }} title={label}>
      <Icon size={14} />
    </span>
  );
}
