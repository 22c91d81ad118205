import { ActionIcon, Button, Popover, TagsInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { type FormEvent, useMemo, useState } from "react";
import { problemText } from "../../api/problemText";
import { changeDevice } from "../../live/devices";
import { fleet } from "../../live/fleet";
import type { Device } from "../../live/standing";
import { EditIcon } from "../../parts/icons";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import classes from "./device.module.css";

/** The hub's most. */
const MOST = 64;
const LONGEST = 64;

export function Tags({ device }: { device: Device }) {
  const { device: text, common } = useText();
  const may = useMay();
  const [opened, setOpened] = useState(false);
  return (
    <span className={classes.tags}>
      {device.tags.map(tag => (
        <span key={tag} className={classes.tag}>
          {tag}
        </span>
      ))}
      {device.tags.length === 0 && <span className="dim">{common.none}</span>}
      {may("devices:update", { device }) && (
        <Popover opened={opened} onChange={setOpened} trapFocus width={320} position="bottom-start">
          <Popover.Target>
            <ActionIcon
              size={22}
              aria-label={text.facts.editTags}
              onClick={() => setOpened(!opened)}
            >
              <EditIcon size={14} />
            </ActionIcon>
          </Popover.Target>
          <Popover.Dropdown>
            <TagsForm device={device} onDone={() => setOpened(false)} />
          </Popover.Dropdown>
        </Popover>
      )}
    </span>
  );
}

function TagsForm({ device, onDone }: { device: Device; onDone: () => void }) {
  const text = useText();
  const [tags, setTags] = useState(device.tags);
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const known = useMemo(() => {
    const all = new Set<string>();
    for (const each of fleet.current().devices.values()) for (const tag of each.tags) all.add(tag);
    return [...all].sort();
  }, []);
  const save = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    const all = [...new Set([...tags, typed.trim()].filter(Boolean))];
    try {
      await changeDevice(device.id, { tags: all });
      onDone();
    } catch (error) {
      notifications.show({ color: "red", message: problemText(error, text) });
      setBusy(false);
    }
  };
  return (
    <form onSubmit={save} className={classes.popover}>
      <TagsInput
        label={text.device.facts.tags}
        description={text.device.facts.tagsHint}
        value={tags}
        onChange={next => setTags(next.map(tag => tag.slice(0, LONGEST)))}
        searchValue={typed}
        onSearchChange={setTyped}
        data={known}
        maxTags={MOST}
        data-autofocus
        comboboxProps={{ withinPortal: false }}
      />
      <div className={classes.row}>
        <Button type="submit" loading={busy}>
          {text.common.save}
        </Button>
        <Button variant="default" onClick={onDone}>
          {text.common.cancel}
        </Button>
      </div>
    </form>
  );
}
