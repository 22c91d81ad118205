import { Button, Tooltip } from "@mantine/core";
import { isNoticeable } from "../live/clock";
import { freshnessOf } from "../live/freshness";
import { useConnection } from "../live/hooks";
import { useHubNow } from "../live/hubClock";
import { live } from "../live/socket";
import { WarningIcon } from "../parts/icons";
import { StatusShape } from "../parts/StatusBadge";
import { useText } from "../text";
import classes from "./shell.module.css";

const SHAPES = { ok: "ONLINE", mute: "OFFLINE", bad: "ERROR" };

/** In the header: whether what one sees is live. */
export function ConnectionState() {
  const { state, tone, isLive } = freshnessOf(useConnection());
  const text = useText().shell;
  return (
    <Tooltip label={isLive ? text.connectionHint.live : text.connectionHint.other}>
      <output className={classes.connection} data-phase={state}>
        <StatusShape status={SHAPES[tone]} size={8} />
        {text.connection[state]}
      </output>
    </Tooltip>
  );
}

/** While what one sees is stale, and when this computer's clock is wrong. */
export function ConnectionBanner() {
  const connection = useConnection();
  const { dueAt, skewMs } = connection;
  const { state, isStale } = freshnessOf(connection);
  const text = useText().shell.banner;
  useHubNow(); // counts the seconds down
  if (isStale) {
    const seconds = dueAt === null ? 0 : Math.max(0, Math.ceil((dueAt - Date.now()) / 1000));
    return (
      <div className={classes.banner} data-kind="bad" role="status">
        <WarningIcon />
        <p>{state === "refused" ? text.refused : text.waiting(seconds)}</p>
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
