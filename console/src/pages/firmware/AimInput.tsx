import { MultiSelect, SegmentedControl, Select } from "@mantine/core";
import { useMemo } from "react";
import { fleet, useFleet } from "../../live/fleet";
import { useDeviceOptions } from "../../parts/deviceOptions";
import { useGroupsByName } from "../../parts/names";
import { useText } from "../../text";
import classes from "./firmware.module.css";
import type { Aim } from "./targets";

const EMPTY: Record<Aim["by"], Aim> = {
  filter: { by: "filter", tag: null, status: null, version: null },
  group: { by: "group", groupId: null },
  devices: { by: "devices", deviceIds: [] },
};
const MOST_OPTIONS = 100;

/** Which devices: by what they are, by group, or by name. */
export function AimInput({ aim, onChange }: { aim: Aim; onChange: (aim: Aim) => void }) {
  const text = useText();
  const words = text.firmware;
  return (
    <div className={classes.aim}>
      <div className={classes.label} id="aim">
        {words.target}
      </div>
      <SegmentedControl
        size="xs"
        aria-labelledby="aim"
        value={aim.by}
        onChange={by => onChange(EMPTY[by as Aim["by"]])}
        data={(["filter", "group", "devices"] as const).map(value => ({
          value,
          label: words.aims[value],
        }))}
      />
      {aim.by === "filter" && <FilterInput aim={aim} onChange={onChange} />}
      {aim.by === "group" && <GroupInput aim={aim} onChange={onChange} />}
      {aim.by === "devices" && <DevicesInput aim={aim} onChange={onChange} />}
    </div>
  );
}

type Part<By> = { aim: Extract<Aim, { by: By }>; onChange: (aim: Aim) => void };

function FilterInput({ aim, onChange }: Part<"filter">) {
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
        label={words.status}
        placeholder={words.any}
        clearable
        value={aim.status}
        onChange={status => onChange({ ...aim, status })}
        data={Object.entries(text.common.statuses).map(([value, label]) => ({ value, label }))}
      />
    </div>
  );
}

function GroupInput({ aim, onChange }: Part<"group">) {
  const words = useText().firmware;
  const groups = useGroupsByName();
  return (
    <Select
      aria-label={words.aims.group}
      placeholder={words.chooseGroup}
      searchable
      nothingFoundMessage={words.noGroups}
      value={aim.groupId}
      onChange={groupId => onChange({ by: "group", groupId })}
      data={[...groups].map(([value, label]) => ({ value, label }))}
    />
  );
}

function DevicesInput({ aim, onChange }: Part<"devices">) {
  const words = useText().firmware;
  const options = useDeviceOptions();
  return (
    <MultiSelect
      aria-label={words.aims.devices}
      description={words.devicesHint}
      inputWrapperOrder={["label", "input", "description"]}
      placeholder={words.chooseDevices}
      searchable
      clearable
      hidePickedOptions
      limit={MOST_OPTIONS}
      value={[...aim.deviceIds]}
      onChange={deviceIds => onChange({ by: "devices", deviceIds })}
      data={options}
    />
  );
}
