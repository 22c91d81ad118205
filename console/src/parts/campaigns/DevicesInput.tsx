import { MultiSelect } from "@mantine/core";
import { useText } from "../../text";
import { useDeviceOptions } from "../deviceOptions";

const MOST_OPTIONS = 100;

type Props = { deviceIds: readonly string[]; onChange: (deviceIds: string[]) => void };

/** Devices by name, in an order. */
export function DevicesInput({ deviceIds, onChange }: Props) {
  const words = useText().campaigns;
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
      value={[...deviceIds]}
      onChange={onChange}
      data={options}
    />
  );
}
