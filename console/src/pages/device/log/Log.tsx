import { Button, Select, Switch, TextInput, Tooltip } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useDeferredValue, useMemo, useState } from "react";
import { api, data } from "../../../api/client";
import { useMay } from "../../../app/access";
import type { Device } from "../../../live/standing";
import { CommandDialog } from "../../../parts/CommandDialog";
import { download } from "../../../parts/csv";
import { DownloadIcon, LogIcon, PauseIcon, PlayIcon, SearchIcon } from "../../../parts/icons";
import { ProblemLine } from "../../../parts/ProblemLine";
import { useText } from "../../../text";
import { found, LEVELS, type Level, textOf } from "./buffer";
import { LogRows } from "./LogRows";
import classes from "./log.module.css";
import { useLogTail } from "./useLogTail";

export function Log({ device }: { device: Device }) {
  const { level: asked, source = null } = useSearch({ from: "/devices/$deviceId" });
  const level = LEVELS.find(one => one === asked) ?? null;
  // Another filter is another log: the history is filtered by the hub.
  return <Tail key={`${level} ${source}`} device={device} level={level} source={source} />;
}

function Tail({
  device,
  level,
  source,
}: {
  device: Device;
  level: Level | null;
  source: string | null;
}) {
  const text = useText();
  const words = text.device.log;
  const may = useMay();
  const navigate = useNavigate();
  const tail = useLogTail(device.id, level, source);
  const [typed, setTyped] = useState("");
  const [wrap, setWrap] = useState(false);
  const [pulling, setPulling] = useState(false);
  const wanted = useDeferredValue(typed);
  const shown = useMemo(() => found(tail.entries, wanted), [tail.entries, wanted]);
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
        <div className={classes.buttons}>
          <Switch
            size="xs"
            label={words.wrap}
            checked={wrap}
            onChange={event => setWrap(event.currentTarget.checked)}
          />
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
              disabled={shown.length === 0}
              onClick={() =>
                download(`${device.id}.log`, textOf(shown, words.gapOpen), "text/plain")
              }
            >
              {words.download}
            </Button>
          </Tooltip>
          {may("dispatch") && (
            <Button
              variant="default"
              leftSection={<LogIcon size={14} />}
              onClick={() => setPulling(true)}
            >
              {words.pull}
            </Button>
          )}
        </div>
      </div>
      {tail.problem !== null && <ProblemLine error={tail.problem} onRetry={tail.reload} />}
      <LogRows tail={tail} shown={shown} looked={wanted} wrap={wrap} />
      {pulling && (
        <CommandDialog
          targets={[device]}
          start={{ command: { type: "pull_logs" } }}
          onClose={() => setPulling(false)}
        />
      )}
    </div>
  );
}
