import { Select } from "@mantine/core";
import { useMemo } from "react";
import { fleet, useFleet } from "../../live/fleet";
import { AimSwitch } from "../../parts/campaigns/AimSwitch";
import { DevicesInput } from "../../parts/campaigns/DevicesInput";
import { GroupInput } from "../../parts/campaigns/GroupInput";
import { useText } from "../../text";
import classes from "./firmware.module.css";
import type { Aim } from "./targets";

const EMPTY: Record<Aim["by"], Aim> = {
  filter: { by: "filter", tag: null, status: null, version: null },
  group: { by: "group", groupId: null },
  devices: { by: "devices", deviceIds: [] },
};

/** Which devices: by what they are, by group, or by name. */
export function AimInput({ aim, onChange }: { aim: Aim; onChange: (aim: Aim) => void }) {
  const { firmware, campaigns } = useText();
  return (
    <AimSwitch
      by={aim.by}
      ways={[
        ["filter", firmware.byFilter],
        ["group", campaigns.aims.group],
        ["devices", campaigns.aims.devices],
      ]}
      onChange={by => onChange(EMPTY[by])}
    >
      {aim.by === "filter" && <FilterInput aim={aim} onChange={onChange} />}
      {aim.by === "group" && (
        <GroupInput
          groupId={aim.groupId}
          onChange={groupId => onChange({ by: "group", groupId })}
        />
      )}
      {aim.by === "devices" && (
        <DevicesInput
          deviceIds={aim.deviceIds}
          onChange={deviceIds => onChange({ by: "devices", deviceIds })}
        />
      )}
    </AimSwitch>
  );
}

type Props = { aim: Extract<Aim, { by: "filter" }>; onChange: (aim: Aim) => void };

function FilterInput({ aim, onChange }: Props) {
  const text = useText();
  const words = text.firmware;
  const roster = useFleet(({ roster }) => roster);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only when devices come or go
  const { tags, versions } = useMemo(() => {
    const all = [...fleet.current().devices.values()];
    return {
      tags: [...new Set(all.flatMap(device => device.tags))].sort(),
      versions: [...new Set(all.flatMap(({ version }) => version ?? []))].sort(),
    };
  }, [roster]);
  return (
    <div className={classes.triple}>
      <Select
        label={words.tag}
        placeholder={words.any}
        clearable
        searchable
        value={aim.tag}
        onChange={tag => onChange({ ...aim, tag })}
        data={tags}
      />
      <Select
        label={words.present}
        placeholder={words.any}
        clearable
        searchable
        value={aim.version}
        onChange={version => onChange({ ...aim, version })}
        data={versions}
      />
      <Select
        label={text.campaigns.status}
        placeholder={words.any}
        clearable
        value={aim.status}
        onChange={status => onChange({ ...aim, status })}
        data={Object.entries(text.common.statuses).map(([value, label]) => ({ value, label }))}
      />
    </div>
  );
}
