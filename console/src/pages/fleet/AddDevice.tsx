import { CopyLine } from "../../parts/CopyLine";
import { Empty } from "../../parts/Empty";
import { FleetIcon } from "../../parts/icons";
import { useText } from "../../text";

/** An empty fleet: the one line that makes it grow. */
export function AddDevice() {
  const text = useText().fleet;
  return (
    <Empty icon={FleetIcon} title={text.addTitle}>
      <p>{text.addHint}</p>
      <CopyLine label={text.addLine} line={addLine(location.origin)} />
      <p>{text.addKeyHint}</p>
    </Empty>
  );
}

export function addLine(hub: string): string {
  return `LONGLINE_ENROLLMENT_KEY=… longline device --hub ${hub} --id my-device`;
}
