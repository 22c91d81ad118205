import { useMemo } from "react";
import type { Device } from "../live/standing";
import { useText } from "../text";
import classes from "./command.module.css";
import { StatusShape } from "./StatusBadge";

/** The hub's most. */
export const MOST_TARGETS = 10_000;
const MOST_NAMED = 12;

/** Who is hit: how many, in which state, and the first few by name. */
export function CommandPreview({
  targets,
  queued,
}: {
  targets: readonly Device[];
  queued: boolean;
}) {
  const text = useText().commands.preview;
  const counts = useMemo(() => {
    const quarantined = targets.filter(({ quarantine }) => quarantine !== null).length;
    const others = targets.filter(({ quarantine }) => quarantine === null);
    const blocked = others.filter(({ disabled }) => disabled).length;
    const connected = others.filter(({ connected, disabled }) => connected && !disabled).length;
    return { quarantined, blocked, connected, offline: others.length - blocked - connected };
  }, [targets]);
  return (
    <div className={classes.preview} role="group" aria-label={text.title}>
      <div className={classes.counts}>
        <span>
          <StatusShape status="ONLINE" /> {text.connected(counts.connected)}
        </span>
        {counts.offline > 0 && (
          <span>
            <StatusShape status="OFFLINE" />
            {queued ? text.offlineQueue(counts.offline) : text.offlineNow(counts.offline)}
          </span>
        )}
        {counts.blocked > 0 && (
          <span>
            <StatusShape status="DISABLED" /> {text.blocked(counts.blocked)}
          </span>
        )}
        {counts.quarantined > 0 && (
          <span>
            <StatusShape status="DISABLED" /> {text.quarantined(counts.quarantined)}
          </span>
        )}
      </div>
      {targets.length > 1 && (
        <div className={classes.names}>
          {targets.slice(0, MOST_NAMED).map(device => (
            <span key={device.id}>{device.name}</span>
          ))}
          {targets.length > MOST_NAMED && <em>{text.more(targets.length - MOST_NAMED)}</em>}
        </div>
      )}
      {targets.length > MOST_TARGETS && <strong>{text.tooMany(MOST_TARGETS)}</strong>}
    </div>
  );
}
