import { useText } from "../text";
import classes from "./parts.module.css";

/** Shape and colour for each state: neither alone says it. */
const LOOK: Record<
  string,
  { colour: string; shape: "full" | "ring" | "triangle" | "square" | "bar" }
> = {
  ONLINE: { colour: "var(--ok)", shape: "full" },
  OFFLINE: { colour: "var(--mute)", shape: "ring" },
  DEGRADED: { colour: "var(--warn)", shape: "triangle" },
  ERROR: { colour: "var(--bad)", shape: "square" },
  DISABLED: { colour: "var(--mute)", shape: "bar" },
};

export function StatusShape({ status, size = 10 }: { status: string; size?: number }) {
  const { colour, shape } = LOOK[status] ?? { colour: "var(--mute)", shape: "ring" };
  return (
    <svg width={size} height={size} viewBox="0 0 10 10" aria-hidden="true" style={{ flex: "none" }}>
      {shape === "full" && <circle cx="5" cy="5" r="4" fill={colour} />}
      {shape === "ring" && (
        <circle cx="5" cy="5" r="3.4" fill="none" stroke={colour} strokeWidth="1.4" />
      )}
      {shape === "triangle" && <path d="M5 .8 9.6 9H.4z" fill={colour} />}
      {shape === "square" && <rect x="1" y="1" width="8" height="8" rx="1" fill={colour} />}
      {shape === "bar" && <rect x="0.8" y="3.7" width="8.4" height="2.6" rx="1.3" fill={colour} />}
    </svg>
  );
}

/** What a device says of itself, or OFFLINE. */
export function StatusBadge({ status }: { status: string }) {
  const text = useText();
  const colour = LOOK[status]?.colour ?? "var(--mute)";
  return (
    <span className={classes.status} style={{ color: colour }} data-status={status}>
      <StatusShape status={status} />
      {text.common.statuses[status] ?? status}
    </span>
  );
}
