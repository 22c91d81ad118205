import { useDevice } from "../live/fleet";
import { isOld } from "../live/freshness";
import { pathOf } from "../live/history";
import { useHistory } from "../live/sparks";
import { measure, short } from "../text/format";
import classes from "./parts.module.css";

const WIDTH = 64;
const HEIGHT = 18;

/** The present value of a metric and its last hour, live. */
export function Sparkline({ deviceId, metric }: { deviceId: string; metric: string }) {
  const history = useHistory(metric, deviceId);
  const device = useDevice(deviceId);
  const value = device?.metrics[metric];
  return (
    <span className={classes.spark} data-stale={isOld(device) || undefined}>
      <svg
        width={WIDTH}
        height={HEIGHT + 4}
        viewBox={`0 -2 ${WIDTH} ${HEIGHT + 4}`}
        aria-hidden="true"
      >
        <path d={pathOf(history ?? [], WIDTH, HEIGHT)} />
      </svg>
      <span>{measure(metric, value, short)}</span>
    </span>
  );
}
