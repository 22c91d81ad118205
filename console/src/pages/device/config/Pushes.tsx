import type { Schemas } from "../../../api/client";
import { TimeText } from "../../../parts/TimeText";
import { useText } from "../../../text";
import device_ from "../device.module.css";
import classes from "./config.module.css";

/** What was pushed, by whom, and what became of it. */
export function Pushes({ changes }: { changes: readonly Schemas["ConfigChange"][] }) {
  const words = useText().device.config;
  return (
    <ul className={device_.rows}>
      {changes.map(change => (
        <li key={change.version} className={classes.push} data-push={change.version}>
          <div className={classes.pushHead}>
            <strong>{words.version(change.version)}</strong>
            <span style={{ color: OUTCOME[change.outcome] }}>
              {words.outcomes[change.outcome] ?? change.outcome}
            </span>
            <span className="dim">
              {change.actor} · <TimeText at={change.at} />
              {change.deviceVersion !== null && ` · ${words.kept(change.deviceVersion)}`}
            </span>
          </div>
          {change.error && <p className={classes.pushError}>{change.error}</p>}
          <pre className="mono">{JSON.stringify(change.patch, null, 2)}</pre>
        </li>
      ))}
    </ul>
  );
}

const OUTCOME: Record<string, string> = {
  pending: "var(--info)",
  applied: "var(--ok)",
  failed: "var(--bad)",
  rolled_back: "var(--warn)",
};
