import { Menu, UnstyledButton } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { problemText } from "../../api/problemText";
import { setConnectionMode } from "../../live/devices";
import type { Device } from "../../live/standing";
import { CheckIcon, DownIcon } from "../../parts/icons";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import classes from "./device.module.css";

const MODES = ["VIA_LOCAL_SERVER", "DIRECT_CLOUD"] as const;

/** Where the device sends what it produces. */
export function ConnectionMode({ device }: { device: Device }) {
  const text = useText();
  const words = text.device.modes;
  const may = useMay();
  if (!may("devices:update", { device })) return <>{words[device.connectionMode]}</>;
  const choose = async (mode: (typeof MODES)[number]) => {
    if (mode === device.connectionMode) return;
    try {
      await setConnectionMode(device.id, mode);
    } catch (error) {
      notifications.show({ color: "red", message: problemText(error, text) });
    }
  };
  return (
    <Menu position="bottom-start" width={280}>
      <Menu.Target>
        <UnstyledButton
          className={classes.inlineMenu ?? ""}
          aria-label={words.change(words[device.connectionMode])}
        >
          {words[device.connectionMode]}
          <DownIcon size={12} />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        {MODES.map(mode => (
          <Menu.Item
            key={mode}
            leftSection={
              mode === device.connectionMode ? (
                <CheckIcon size={14} />
              ) : (
                <span className={classes.noIcon} />
              )
            }
            onClick={() => void choose(mode)}
          >
            {words[mode]}
            <div className={classes.itemHint}>{words.hints[mode]}</div>
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
