import { ActionIcon, Button, Menu } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useChange } from "../../api/change";
import { changeDevice, deleteDevice, quarantineDevice } from "../../live/devices";
import { fleet } from "../../live/fleet";
import type { Device } from "../../live/standing";
import { CommandDialog } from "../../parts/CommandDialog";
import { ConfirmAction } from "../../parts/ConfirmAction";
import {
  CommandIcon,
  MoreIcon,
  PauseIcon,
  PlayIcon,
  TrashIcon,
  WarningIcon,
} from "../../parts/icons";
import { NameDialog } from "../../parts/NameDialog";
import { useMay } from "../../session/access";
import { useText } from "../../text";

type Open =
  | null
  | "command"
  | "disable_device"
  | "enable_device"
  | "block"
  | "quarantine"
  | "delete";

/** What one can do to the device as a whole. */
export function DeviceActions({ device }: { device: Device }) {
  const text = useText();
  const words = text.device.actions;
  const may = useMay();
  const navigate = useNavigate();
  const [open, setOpen] = useState<Open>(null);
  const close = () => setOpen(null);
  const setBlocked = async (disabled: boolean) => {
    await changeDevice(device.id, { disabled });
    notifications.show({
      message: disabled ? words.isBlocked(device.name) : words.isUnblocked(device.name),
    });
  };
  const unblock = useChange(setBlocked);
  const sends = may("commands:create", { device });
  const updates = may("devices:update", { device });
  const deletes = may("devices:delete", { device });
  const isolates = device.quarantine === null && may("devices/quarantine:update", { device });
  const enables = may("commands/enable_device:create", { device });
  const disables = may("commands/disable_device:create", { device });

  if (!(sends || updates || isolates || deletes)) return null;

  const remove = async () => {
    await deleteDevice(device.id);
    notifications.show({ message: words.isDeleted(device.name) });
    await navigate({ to: "/devices" });
    fleet.remove(device.id);
  };

  return (
    <>
      {sends && (
        <Button leftSection={<CommandIcon size={16} />} onClick={() => setOpen("command")}>
          {words.command}
        </Button>
      )}
      <Menu position="bottom-end" width={230}>
        <Menu.Target>
          <ActionIcon variant="default" size={30} aria-label={words.more}>
            <MoreIcon />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {enables && (
            <Menu.Item
              leftSection={<PlayIcon size={16} />}
              onClick={() => setOpen("enable_device")}
            >
              {words.enable}
            </Menu.Item>
          )}
          {disables && (
            <Menu.Item
              leftSection={<PauseIcon size={16} />}
              onClick={() => setOpen("disable_device")}
            >
              {words.disable}
            </Menu.Item>
          )}
          {updates && (
            <>
              {(enables || disables) && <Menu.Divider />}
              <Menu.Item
                leftSection={<WarningIcon size={16} />}
                onClick={() => (device.disabled ? unblock.mutate(false) : setOpen("block"))}
              >
                {device.disabled ? words.unblock : words.block}
              </Menu.Item>
            </>
          )}
          {isolates && (
            <Menu.Item
              leftSection={<WarningIcon size={16} />}
              onClick={() => setOpen("quarantine")}
            >
              {text.device.quarantine.begin}
            </Menu.Item>
          )}
          {deletes && (
            <Menu.Item
              color="var(--bad)"
              leftSection={<TrashIcon size={16} />}
              onClick={() => setOpen("delete")}
            >
              {words.delete}
            </Menu.Item>
          )}
        </Menu.Dropdown>
      </Menu>
      {open === "command" && <CommandDialog targets={[device]} onClose={close} />}
      {(open === "disable_device" || open === "enable_device") && (
        <CommandDialog targets={[device]} start={{ command: { type: open } }} onClose={close} />
      )}
      {open === "block" && (
        <ConfirmAction
          title={words.block}
          explanation={words.blockHint}
          action={words.blockDo}
          wanted={device.name}
          onConfirm={() => setBlocked(true)}
          onClose={close}
        />
      )}
      {open === "quarantine" && (
        <NameDialog
          title={text.device.quarantine.title(device.name)}
          hint={text.device.quarantine.hint}
          label={text.device.quarantine.reason}
          act={text.device.quarantine.act}
          longest={256}
          save={reason => quarantineDevice(device.id, reason)}
          stale={[]}
          onClose={close}
        />
      )}
      {open === "delete" && (
        <ConfirmAction
          title={words.delete}
          explanation={words.deleteHint}
          action={words.deleteDo}
          wanted={device.name}
          onConfirm={remove}
          onClose={close}
        />
      )}
    </>
  );
}
