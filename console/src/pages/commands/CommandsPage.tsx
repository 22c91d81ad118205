import { Button, Pill, Select } from "@mantine/core";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useCommandSpecs } from "../../api/commands/requests";
import { type CommandSpec, titleOf } from "../../api/commands/specs";
import { STATES } from "../../api/commands/states";
import { type CommandRecord, type Progress, tookMs } from "../../live/commands/records";
import { fleet } from "../../live/fleet";
import { CommandDrawer } from "../../parts/CommandRecord";
import { CommandProgress, CommandStatus } from "../../parts/CommandStatus";
import { Empty } from "../../parts/Empty";
import { CommandIcon, SearchIcon } from "../../parts/icons";
import { Page } from "../../parts/Page";
import { detailOf } from "../../parts/RunView";
import { TimeText } from "../../parts/TimeText";
import type { Column } from "../../parts/table/columns";
import { DataTable } from "../../parts/table/DataTable";
import { type Text, useText } from "../../text";
import { duration, NONE } from "../../text/format";
import classes from "./commands.module.css";
import type { CommandsSearch } from "./search";
import { useHistory } from "./useHistory";

export function CommandsPage() {
  const text = useText();
  const words = text.commands.page;
  const search = useSearch({ from: "/commands" });
  const navigate = useNavigate({ from: "/commands" });
  const { records, newer, ...history } = useHistory(search);
  const filtered = Boolean(search.status ?? search.type ?? search.batch);
  const go = (next: CommandsSearch) => void navigate({ search: next, replace: true });
  const { device, command, ...filters } = search;
  return (
    <Page title={text.shell.pages.commands} wide>
      <Filters search={search} onSearch={go} />
      {newer > 0 && (
        <Button
          variant="light"
          onClick={() => void history.refetch()}
          className={classes.newer ?? ""}
        >
          {words.newer(newer)}
        </Button>
      )}
      <DataTable
        label={text.shell.pages.commands}
        columns={columnsOf(text, filters)}
        rows={records}
        keyOf={({ commandId }) => commandId ?? ""}
        marks={({ commandId }) => ({ "data-command": commandId ?? undefined })}
        least={760}
        reading={history}
        place={320}
        empty={<Nothing filtered={filtered} onClear={() => go({})} />}
      />
      {history.hasNextPage && (
        <Button
          variant="default"
          className={classes.newer ?? ""}
          loading={history.isFetchingNextPage}
          onClick={() => void history.fetchNextPage()}
        >
          {text.common.more}
        </Button>
      )}
      {device !== undefined && command !== undefined && (
        <CommandDrawer deviceId={device} commandId={command} onClose={() => go(filters)} />
      )}
    </Page>
  );
}

function Filters({
  search,
  onSearch,
}: {
  search: CommandsSearch;
  onSearch: (s: CommandsSearch) => void;
}) {
  const text = useText().commands;
  const specs = useCommandSpecs();
  const set = (key: "status" | "type", value: string | null) => {
    const { [key]: _, ...others } = search;
    onSearch(value === null ? others : { ...others, [key]: value });
  };
  const { batch: _, ...withoutBatch } = search;
  return (
    <search className={classes.filters}>
      <Select
        aria-label={text.page.status}
        placeholder={text.page.status}
        clearable
        w={150}
        value={search.status ?? null}
        onChange={value => set("status", value)}
        data={STATES.map(value => ({ value, label: text.states[value] ?? value }))}
      />
      <Select
        aria-label={text.page.type}
        placeholder={text.page.type}
        clearable
        w={190}
        value={search.type ?? null}
        onChange={value => set("type", value)}
        data={typesOf(specs.data ?? [], search.type)}
      />
      {search.batch && (
        <Pill
          size="lg"
          withRemoveButton
          removeButtonProps={{ "aria-label": text.page.clear }}
          onRemove={() => onSearch(withoutBatch)}
        >
          {text.page.batchOnly}
        </Pill>
      )}
    </search>
  );
}

/** The types that are offered, and the chosen one: a device's own may be in the address. */
function typesOf(specs: readonly CommandSpec[], chosen: string | undefined) {
  const types = new Set(specs.map(({ type }) => type));
  if (chosen !== undefined) types.add(chosen);
  return [...types].map(type => ({ value: type, label: titleOf(type) }));
}

function columnsOf(text: Text, filters: CommandsSearch): Column<CommandRecord>[] {
  const words = text.commands.page;
  return [
    {
      key: "status",
      title: words.status,
      cell: ({ status }) => <CommandStatus status={status} />,
    },
    {
      key: "type",
      title: words.type,
      cell: ({ type, deviceId, commandId }) => (
        <Link
          to="/commands"
          search={{ ...filters, device: deviceId, command: commandId ?? "" }}
          className={classes.open}
          aria-label={words.open(titleOf(type), nameOf(deviceId))}
        >
          {titleOf(type)}
        </Link>
      ),
    },
    {
      key: "device",
      title: words.device,
      cell: ({ deviceId }) => (
        <Link to="/devices/$deviceId" params={{ deviceId }} className={classes.link}>
          {nameOf(deviceId)}
        </Link>
      ),
    },
    {
      key: "detail",
      title: text.commands.run.detail,
      className: classes.detail,
      cell: record => <Detail record={record} />,
    },
    { key: "by", title: words.by, cell: ({ actor }) => actor },
    { key: "when", title: words.when, cell: ({ createdAt }) => <TimeText at={createdAt} /> },
    {
      key: "took",
      title: words.took,
      cell: record => {
        const took = tookMs(record);
        return took === null ? <span className="dim">{NONE}</span> : duration(took);
      },
    },
  ];
}

function nameOf(deviceId: string): string {
  return fleet.device(deviceId)?.name ?? deviceId;
}

function Detail({ record: { status, progress, error, output } }: { record: CommandRecord }) {
  const text = useText();
  if (status !== "RUNNING") return detailOf({ error: error ?? null, output: output ?? null }, text);
  const { percent = null, stage = "" } = (progress ?? {}) as Progress;
  return <CommandProgress percent={percent} stage={stage} />;
}

function Nothing({ filtered, onClear }: { filtered: boolean; onClear: () => void }) {
  const words = useText().commands.page;
  if (!filtered) {
    return (
      <Empty icon={CommandIcon} title={words.none}>
        <p>{words.noneHint}</p>
      </Empty>
    );
  }
  return (
    <Empty icon={SearchIcon} title={words.noMatch}>
      <Button variant="default" onClick={onClear}>
        {words.clear}
      </Button>
    </Empty>
  );
}
