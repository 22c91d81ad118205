import { Button, Tooltip } from "@mantine/core";
import { isNoticeable } from "../live/clock";
import { useConnection } from "../live/hooks";
import { live } from "../live/socket";
import { WarningIcon } from "../parts/icons";
import { StatusShape } from "../parts/StatusBadge";
import { useHubNow } from "../parts/TimeText";
import { useText } from "../text";
import classes from "./shell.module.css";

/** In the header: whether what one sees is live. */
export function ConnectionState() {
  const { phase } = useConnection();
  const text = useText().shell;
  const shape = phase === "live" ? "ONLINE" : phase === "refused" ? "ERROR" : "OFFLINE";
  return (
    <Tooltip label={phase === "live" ? text.connectionHint.live : text.connectionHint.other}>
      <output className={classes.connection} data-phase={phase}>
        <StatusShape status={shape} size={8} />
        {text.connection[phase]}
      </output>
    </Tooltip>
  );
}

/** While not connected, and when this computer's clock is wrong. */
export function ConnectionBanner() {
  const { phase, dueAt, skewMs, wasLive } = useConnection();
  const text = useText().shell.banner;
  useHubNow(); // counts the seconds down
  if (phase === "refused" || phase === "waiting" || (wasLive && phase !== "live")) {
    const seconds = dueAt === null ? 0 : Math.max(0, Math.ceil((dueAt - Date.now()) / 1000));
    return (
      <div className={classes.banner} data-kind="bad" role="status">
        <WarningIcon />
        <p>{phase === "refused" ? text.refused : text.waiting(seconds)}</p>
        <Button variant="default" size="compact-xs" onClick={() => live.hurry()}>
          {text.tryNow}
        </Button>
      </div>
    );
  }
  if (!isNoticeable(skewMs)) return null;
  return (
    <div className={classes.banner} data-kind="warn" role="status">
      <WarningIcon />
      <p>{text.skew(Math.round(skewMs / 1000))}</p>
    </div>
  );
}
