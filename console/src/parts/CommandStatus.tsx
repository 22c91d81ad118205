import { Progress, Tooltip } from "@mantine/core";
import type { ReactNode } from "react";
import { titleOf } from "../api/commands/specs";
import { useText } from "../text";
import { percent as written } from "../text/format";
import classes from "./parts.module.css";

type Shape = "check" | "cross" | "question" | "dots" | "play" | "clock" | "bar";

const LOOK: Record<string, { colour: string; shape: Shape }> = {
  AWAITING: { colour: "var(--warn)", shape: "clock" },
  PENDING: { colour: "var(--mute)", shape: "clock" },
  SENT: { colour: "var(--info)", shape: "dots" },
  ACKED: { colour: "var(--info)", shape: "dots" },
  RUNNING: { colour: "var(--info)", shape: "play" },
  SUCCESS: { colour: "var(--ok)", shape: "check" },
  FAILED: { colour: "var(--bad)", shape: "cross" },
  REJECTED: { colour: "var(--bad)", shape: "bar" },
  CANCELLED: { colour: "var(--mute)", shape: "bar" },
  TIMEOUT: { colour: "var(--warn)", shape: "clock" },
  EXPIRED: { colour: "var(--mute)", shape: "clock" },
  UNKNOWN: { colour: "var(--warn)", shape: "question" },
};

const SHAPES: Record<Shape, ReactNode> = {
  check: <path d="m2 6.5 2.7 2.7L10 3.5" />,
  cross: <path d="m2.5 2.5 7 7M9.5 2.5l-7 7" />,
  question: <path d="M4 4c.1-1.4 1-2 2-2s2 .7 2 1.8C8 5.4 6 5.4 6 7.2M6 9.8h.01" />,
  dots: <path d="M2 6h.01M6 6h.01M10 6h.01" strokeWidth="2.4" />,
  play: <path d="M3.5 2v8L10 6z" fill="currentColor" />,
  clock: (
    <>
      <circle cx="6" cy="6" r="4.5" />
      <path d="M6 3.5V6l1.7 1.2" />
    </>
  ),
  bar: (
    <>
      <circle cx="6" cy="6" r="4.5" />
      <path d="M3.5 6h5" />
    </>
  ),
};

/** The true state of a command; what it means on hover and focus. */
export function CommandStatus({ status }: { status: string }) {
  const text = useText().commands;
  const { colour, shape } = LOOK[status] ?? { colour: "var(--mute)", shape: "question" };
  return (
    <Tooltip label={text.means[status]} w={280} disabled={text.means[status] === undefined}>
      <span className={classes.status} style={{ color: colour }} data-state={status}>
        <svg
          width="12"
          height="12"
          viewBox="0 0 12 12"
          fill="none"
          stroke="currentColor"
          strokeWidth="1.6"
          strokeLinecap="round"
          strokeLinejoin="round"
          aria-hidden="true"
        >
          {SHAPES[shape]}
        </svg>
        {text.states[status] ?? status}
      </span>
    </Tooltip>
  );
}

/** How far a running command is; `null` when the device does not say. */
export function CommandProgress({ percent, stage }: { percent: number | null; stage: string }) {
  const label = [stage && titleOf(stage), percent === null ? "" : written(percent / 100)]
    .filter(Boolean)
    .join(" · ");
  return (
    <span className={classes.progress}>
      <Progress.Root size={6} w={90}>
        <Progress.Section
          value={percent ?? 100}
          animated={percent === null}
          aria-label={label || titleOf("running")}
        />
      </Progress.Root>
      <span className="dim">{label}</span>
    </span>
  );
}
