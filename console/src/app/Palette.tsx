import { Kbd, Modal, TextInput, useMantineColorScheme } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useId, useMemo, useState } from "react";
import { fleet } from "../live/fleet";
import type { Device } from "../live/standing";
import { KeyIcon, SearchIcon } from "../parts/icons";
import { StatusShape } from "../parts/StatusBadge";
import { useMay } from "../session/access";
import { session } from "../session/session";
import { useText } from "../text";
import { useShellActions } from "./actions";
import { offered } from "./pages";
import classes from "./palette.module.css";

type Entry = { key: string; label: string; hint?: string; icon?: ReactNode; run: () => void };
type Part = { name: string; entries: Entry[] };

const MOST_DEVICES = 8;

/** Ctrl/⌘ K: pages, devices, actions, by typing. */
export function Palette({ onClose }: { onClose: () => void }) {
  const text = useText().shell.palette;
  const [query, setQuery] = useState("");
  const [chosen, setChosen] = useState(0);
  const id = useId();
  const parts = useParts(query);
  const entries = parts.flatMap(part => part.entries);
  const at = Math.min(chosen, entries.length - 1);

  const run = (entry: Entry | undefined) => {
    if (entry === undefined) return;
    onClose();
    entry.run();
  };
  const onKey = (event: React.KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) setChosen((at + step + entries.length) % Math.max(1, entries.length));
    else if (event.key === "Enter") run(entries[at]);
    else return;
    event.preventDefault();
  };

  return (
    <Modal.Root opened onClose={onClose} size="lg" yOffset="12vh" centered={false}>
      <Modal.Overlay />
      <Modal.Content aria-label={text.title}>
        <TextInput
          data-autofocus
          variant="unstyled"
          size="md"
          px="md"
          py={6}
          leftSection={<SearchIcon />}
          placeholder={text.placeholder}
          aria-label={text.placeholder}
          role="combobox"
          aria-expanded="true"
          aria-controls={id}
          aria-activedescendant={entries[at] ? `${id}-${at}` : undefined}
          value={query}
          onChange={event => {
            setQuery(event.currentTarget.value);
            setChosen(0);
          }}
          onKeyDown={onKey}
        />
        <div className={classes.list} id={id} role="listbox" aria-label={text.title} tabIndex={-1}>
          {entries.length === 0 && <p className={classes.nothing}>{text.nothing}</p>}
          {parts.map(part => (
            <div key={part.name} role="group" aria-label={part.name}>
              <div className={classes.name} aria-hidden="true">
                {part.name}
              </div>
              {part.entries.map(entry => {
                const index = entries.indexOf(entry);
                return (
                  <Option
                    key={entry.key}
                    id={`${id}-${index}`}
                    entry={entry}
                    chosen={index === at}
                    onHover={() => setChosen(index)}
                    onRun={() => run(entry)}
                  />
                );
              })}
            </div>
          ))}
        </div>
      </Modal.Content>
    </Modal.Root>
  );
}

type OptionProps = {
  id: string;
  entry: Entry;
  chosen: boolean;
  onHover: () => void;
  onRun: () => void;
};

function Option({ id, entry, chosen, onHover, onRun }: OptionProps) {
  return (
    <div
      id={id}
      role="option"
      aria-selected={chosen}
      tabIndex={-1}
      className={classes.option}
      ref={element => {
        if (chosen) element?.scrollIntoView({ block: "nearest" });
      }}
      onMouseMove={onHover}
      onClick={onRun}
      onKeyDown={undefined}
    >
      <span className={classes.icon}>{entry.icon}</span>
      <span className="truncate">{entry.label}</span>
      {entry.hint && <span className={classes.hint}>{entry.hint}</span>}
    </div>
  );
}

function useParts(query: string): Part[] {
  const text = useText();
  const may = useMay();
  const navigate = useNavigate();
  const actions = useShellActions();
  const { setColorScheme } = useMantineColorScheme();
  const { palette, pages, themes, theme } = text.shell;
  return useMemo(() => {
    const matches = (label: string) => label.toLowerCase().includes(query.trim().toLowerCase());
    const goTo: Entry[] = offered(may).map(page => ({
      key: page.to,
      label: pages[page.name],
      icon: <page.icon size={16} />,
      run: () => void navigate({ to: page.to }),
    }));
    const keys = () => void navigate({ to: "/users", search: { tab: "keys" } });
    goTo.push({ key: "keys", label: text.shell.apiKeys, icon: <KeyIcon size={16} />, run: keys });
    const does: Entry[] = [
      { key: "light", label: `${theme}: ${themes.light}`, run: () => setColorScheme("light") },
      { key: "dark", label: `${theme}: ${themes.dark}`, run: () => setColorScheme("dark") },
      { key: "auto", label: `${theme}: ${themes.auto}`, run: () => setColorScheme("auto") },
      { key: "help", label: text.shell.keys, run: actions.openKeys },
      { key: "password", label: text.shell.changePassword, run: actions.openPassword },
      {
        key: "sessions",
        label: text.shell.sessions.title,
        run: actions.openSessions,
      },
      { key: "factor", label: text.shell.factor.title, run: actions.openFactor },
      { key: "leave", label: text.shell.signOut, run: () => void session.signOut() },
    ];
    const toDevice = (device: Device): Entry => ({
      key: `device ${device.id}`,
      label: device.name === device.id ? device.id : `${device.name} (${device.id})`,
      hint: text.common.statuses[device.status] ?? device.status,
      icon: <StatusShape status={device.status} />,
      run: () => void navigate({ to: "/devices/$deviceId", params: { deviceId: device.id } }),
    });
    return [
      { name: palette.pages, entries: goTo.filter(({ label }) => matches(label)) },
      { name: palette.devices, entries: devicesLike(query).map(toDevice) },
      { name: palette.actions, entries: does.filter(({ label }) => matches(label)) },
    ].filter(part => part.entries.length > 0);
  }, [query, may, navigate, actions, setColorScheme, palette, pages, themes, theme, text]);
}

/** The first few devices of which the id or the name holds `query`. */
function devicesLike(query: string): Device[] {
  const wanted = query.trim().toLowerCase();
  const found: Device[] = [];
  if (wanted === "") return found;
  for (const device of fleet.current().devices.values()) {
    if (!`${device.id}\n${device.name}`.toLowerCase().includes(wanted)) continue;
    found.push(device);
    if (found.length === MOST_DEVICES) break;
  }
  return found;
}

/** The field of the header that opens it. */
export function PaletteButton({ className }: { className?: string }) {
  const text = useText().shell.palette;
  const { openPalette } = useShellActions();
  return (
    <button type="button" className={className} onClick={openPalette}>
      <SearchIcon size={16} />
      <span>{text.open}</span>
      <Kbd size="xs" aria-hidden="true">
        {isApple ? "⌘ K" : "Ctrl K"}
      </Kbd>
    </button>
  );
}

export const isApple = /Mac|iPhone|iPad/.test(navigator.userAgent);
