import { Button, Select, Switch, TextInput, Tooltip } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { createPortal } from "react-dom";
import { api, data } from "../../../api/client";
import type { Device } from "../../../live/standing";
import { CommandDialog } from "../../../parts/CommandDialog";
import { download } from "../../../parts/csv";
import { DownloadIcon, LogIcon, PauseIcon, PlayIcon, SearchIcon } from "../../../parts/icons";
import { ProblemLine } from "../../../parts/ProblemLine";
import { useMay } from "../../../session/access";
import { useText } from "../../../text";
import { LEVELS, LONGEST_SEARCH, textOf, type Wanted } from "./buffer";
import { LogRows } from "./LogRows";
import classes from "./log.module.css";
import { useLogTail } from "./useLogTail";

const TYPING_MS = 250;

/** Level, source and search go to the hub: what is shown is what the whole log holds of it. */
export function Log({ device }: { device: Device }) {
  const text = useText();
  const words = text.device.log;
  const { level: asked, source = null } = useSearch({ from: "/devices/$deviceId" });
  const level = LEVELS.find(one => one === asked) ?? null;
  const navigate = useNavigate();
  const [typed, setTyped] = useState("");
  const [settled] = useDebouncedValue(typed, TYPING_MS);
  const [wrap, setWrap] = useState(false);
  const [buttons, setButtons] = useState<HTMLElement | null>(null);
  const wanted: Wanted = { level, source, q: settled.trim() };
  const sources = useQuery({
    queryKey: ["log-sources", device.id],
    queryFn: () =>
      data(api.GET("/api/v1/devices/{id}/logs/sources", { params: { path: { id: device.id } } })),
  });
  const choose = (part: { level?: string | undefined; source?: string | undefined }) =>
    void navigate({
      to: ".",
      replace: true,
      search: previous => JSON.parse(JSON.stringify({ ...previous, ...part })),
    });
  const options = [...new Set([...(sources.data ?? []), ...(source === null ? [] : [source])])];

  return (
    <div className={classes.log}>
      <div className={classes.bar}>
        <TextInput
          data-search
          className={classes.search ?? ""}
          leftSection={<SearchIcon size={16} />}
          placeholder={words.search}
          aria-label={words.search}
          maxLength={LONGEST_SEARCH}
          value={typed}
          onChange={event => setTyped(event.currentTarget.value)}
        />
        <Select
          className={classes.choice ?? ""}
          aria-label={words.level}
          placeholder={words.anyLevel}
          clearable
          value={level}
          onChange={value => choose({ level: value ?? undefined })}
          data={LEVELS.map(value => ({ value, label: words.levels[value] }))}
        />
        <Select
          className={classes.choice ?? ""}
          aria-label={words.source}
          placeholder={words.anySource}
          clearable
          searchable={options.length > 8}
          disabled={options.length === 0}
          value={source}
          onChange={value => choose({ source: value ?? undefined })}
          data={options}
        />
        <div className={classes.buttons} ref={setButtons}>
          <Switch
            size="xs"
            label={words.wrap}
            checked={wrap}
            onChange={event => setWrap(event.currentTarget.checked)}
          />
        </div>
      </div>
      <Tail
        key={JSON.stringify(wanted)}
        device={device}
        wanted={wanted}
        wrap={wrap}
        buttons={buttons}
      />
    </div>
  );
}

type TailProps = {
  device: Device;
  wanted: Wanted;
  wrap: boolean;
  /** Where its buttons stand. */
  buttons: HTMLElement | null;
};

function Tail({ device, wanted, wrap, buttons }: TailProps) {
  const words = useText().device.log;
  const may = useMay();
  const tail = useLogTail(device.id, wanted);
  const [pulling, setPulling] = useState(false);
  const { entries } = tail;
  const bar = (
    <>
      <Button
        variant={tail.paused ? "filled" : "default"}
        leftSection={tail.paused ? <PlayIcon size={14} /> : <PauseIcon size={14} />}
        onClick={tail.paused ? tail.resume : tail.pause}
      >
        {tail.paused ? words.resume(tail.waiting) : words.pause}
      </Button>
      <Tooltip label={words.downloadHint}>
        <Button
          variant="default"
          leftSection={<DownloadIcon size={14} />}
          disabled={entries.length === 0}
          onClick={() => download(`${device.id}.log`, textOf(entries, words.gapOpen), "text/plain")}
        >
          {words.download}
        </Button>
      </Tooltip>
      {may("commands/pull_logs:create", { device }) && (
        <Button
          variant="default"
          leftSection={<LogIcon size={14} />}
          onClick={() => setPulling(true)}
        >
          {words.pull}
        </Button>
      )}
    </>
  );
  return (
    <>
      {buttons !== null && createPortal(bar, buttons)}
      {tail.problem !== null && <ProblemLine error={tail.problem} onRetry={tail.reload} />}
      <LogRows tail={tail} wanted={wanted} wrap={wrap} />
      {pulling && (
        <CommandDialog
          targets={[device]}
          start={{ command: { type: "pull_logs" } }}
          onClose={() => setPulling(false)}
        />
      )}
    </>
  );
}
