import { Button } from "@mantine/core";
import { useChange } from "../../api/change";
import { releaseDevice } from "../../live/devices";
import type { Device } from "../../live/standing";
import { WarningIcon } from "../../parts/icons";
import { TimeText } from "../../parts/TimeText";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import classes from "./device.module.css";

/** Who has put the device into quarantine, and why. */
export function Quarantine({ device }: { device: Device }) {
  const words = useText().device.quarantine;
  const may = useMay();
  const release = useChange(() => releaseDevice(device.id), { done: words.released(device.name) });
  if (device.quarantine === null) return null;
  const { by, reason, since } = device.quarantine;
  return (
    <div className={classes.quarantine} role="status">
      <WarningIcon size={18} />
      <div>
        <strong>{words.by(by)}</strong> <TimeText at={since} />
        <p className={classes.reason}>{reason}</p>
        <p>{words.means}</p>
      </div>
      {may("devices/quarantine:update", { device }) && (
        <Button variant="default" loading={release.isPending} onClick={() => release.mutate()}>
          {words.release}
        </Button>
      )}
    </div>
  );
}
