import type { ReactNode } from "react";
import type { Device } from "../../live/standing";
import { CheckIcon, CrossIcon, WarningIcon } from "../../parts/icons";
import { useGroupsByName } from "../../parts/names";
import { TimeText } from "../../parts/TimeText";
import { useText } from "../../text";
import { ConnectionMode } from "./ConnectionMode";
import classes from "./device.module.css";
import { Tags } from "./Tags";

/** What a device is and where it stands: one strip above every tab. */
export function Facts({ device }: { device: Device }) {
  const { device: text, common } = useText();
  const groups = useGroupsByName();
  const names = device.groupIds.map(id => groups.get(id) ?? id);
  return (
    <dl className={classes.facts}>
      {device.name !== device.id && (
        <Fact name={text.facts.id}>
          <span className="mono">{device.id}</span>
        </Fact>
      )}
      <Fact name={text.facts.presence}>
        <span className={classes.presence} data-connected={device.connected}>
          {device.connected ? <CheckIcon size={14} /> : <CrossIcon size={14} />}
          {device.disabled
            ? text.facts.blocked
            : device.connected
              ? text.facts.connected
              : text.facts.away}
        </span>
      </Fact>
      <Fact name={text.facts.lastSeen}>
        <TimeText at={device.lastSeen} />
      </Fact>
      <Fact name={text.facts.version}>{device.version ?? common.unknown}</Fact>
      {Object.keys(device.versions).length > 0 && (
        <Fact name={text.facts.software}>{softwareOf(device)}</Fact>
      )}
      {device.installers !== null && (
        <Fact name={text.facts.installs}>
          {device.installers.length > 0 ? device.installers.join(", ") : common.none}
        </Fact>
      )}
      {device.updateSource !== null && device.updateSource !== "hub" && (
        <Fact name={text.facts.updateSource}>
          <span className="mono truncate" title={device.updateSource}>
            {device.updateSource}
          </span>
        </Fact>
      )}
      {device.unsigned && (
        <Fact name={text.facts.trust}>
          <span className={classes.warning} title={text.facts.unsignedHint}>
            <WarningIcon size={14} /> {text.facts.unsigned}
          </span>
        </Fact>
      )}
      {device.barred.length > 0 && (
        <Fact name={text.facts.barred}>
          <span className="mono truncate" title={device.barred.join("\n")}>
            {device.barred.map(digest => digest.slice(0, 12)).join(", ")}
          </span>
        </Fact>
      )}
      <Fact name={text.facts.replica}>
        <span className="mono truncate" title={device.replicaId ?? undefined}>
          {device.replicaId ?? common.none}
        </span>
      </Fact>
      <Fact name={text.facts.mode}>
        <ConnectionMode device={device} />
      </Fact>
      {names.length > 0 && <Fact name={text.facts.groups}>{names.join(", ")}</Fact>}
      <Fact name={text.facts.tags}>
        <Tags device={device} />
      </Fact>
    </dl>
  );
}

function softwareOf({ versions }: Device): string {
  return Object.entries(versions)
    .map(([type, version]) => `${type} ${version}`)
    .join(", ");
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className={classes.fact}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
