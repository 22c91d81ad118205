import { Modal } from "@mantine/core";
import { useState } from "react";
import type { EnrollmentToken } from "../../api/enrollment";
import { fleet, useFleet } from "../../live/fleet";
import { Empty } from "../../parts/Empty";
import { EnrollmentLines } from "../../parts/EnrollmentLines";
import { EnrollmentRequests } from "../../parts/EnrollmentRequests";
import { FleetIcon } from "../../parts/icons";
import { NewEnrollmentToken } from "../../parts/NewEnrollmentToken";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import classes from "./fleet.module.css";

/** An empty fleet: the one line that makes it grow. */
export function EmptyFleet() {
  const text = useText().fleet;
  return (
    <Empty icon={FleetIcon} title={text.addTitle}>
      <AddDevice />
    </Empty>
  );
}

export function AddDeviceDialog({ onClose }: { onClose: () => void }) {
  const text = useText();
  return (
    <Modal
      opened
      onClose={onClose}
      size="lg"
      title={text.fleet.addTitle}
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      <AddDevice />
    </Modal>
  );
}

/** A token of its own for whoever may make one: no key that others use is touched. */
function AddDevice() {
  const text = useText();
  const words = text.enrollment;
  const may = useMay();
  const [made, setMade] = useState<EnrollmentToken>();
  if (!may("enrollment-tokens:create")) {
    return (
      <div className={classes.add}>
        <p>{text.fleet.addHint}</p>
        <EnrollmentLines secret="…" />
        <p>{words.ask}</p>
      </div>
    );
  }
  if (made === undefined) return <NewEnrollmentToken onMade={setMade} />;
  return (
    <div className={classes.add}>
      <p>{text.fleet.addHint}</p>
      <EnrollmentLines secret={made.token ?? "…"} />
      <p>{words.made}</p>
      {made.approval && <EnrollmentRequests token={made.id} />}
      <Arrivals />
    </div>
  );
}

/** The devices that have come since. */
function Arrivals() {
  const words = useText().enrollment;
  const [before] = useState(() => new Set(fleet.current().devices.keys()));
  useFleet(state => state.roster);
  const here = [...fleet.current().devices.values()].filter(({ id }) => !before.has(id));
  return (
    <div role="status">
      {here.length === 0 && <p className="dim">{words.waiting}</p>}
      {here.map(({ id, name }) => (
        <p key={id}>
          <strong>{words.here(name)}</strong>
        </p>
      ))}
    </div>
  );
}
