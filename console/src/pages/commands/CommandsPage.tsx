import { Button, Pill, Select, Table } from "@mantine/core";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useCommandSpecs } from "../../api/commands/requests";
import { titleOf } from "../../api/commands/specs";
import { STATES } from "../../api/commands/states";
import { type CommandRecord, type Progress, tookMs } from "../../live/commands/records";
import { fleet } from "../../live/fleet";
import { CommandDrawer } from "../../parts/CommandRecord";
import { CommandProgress, CommandStatus } from "../../parts/CommandStatus";
import { Empty } from "../../parts/Empty";
import { CommandIcon, SearchIcon } from "../../parts/icons";
import { Loading } from "../../parts/Loading";
import { Page } from "../../parts/Page";
import { ProblemLine } from "../../parts/ProblemLine";
import { detailOf } from "../../parts/RunView";
import { TimeText } from "../../parts/TimeText";
import { useText } from "../../text";
import { duration } from "../../text/format";
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
      {history.isError && (
        <ProblemLine error={history.error} onRetry={() => void history.refetch()} />
      )}
      {newer > 0 && (
        <Button
          variant="light"
          onClick={() => void history.refetch()}
          className={classes.newer ?? ""}
        >
          {words.newer(newer)}
        </Button>
      )}
      {history.isPending && <Loading height={320} />}
      {records.length > 0 && (
        <div className={classes.frame}>
          <Table
            verticalSpacing={7}
            horizontalSpacing="md"
            highlightOnHover
            className={classes.table ?? ""}
          >
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{words.status}</Table.Th>
                <Table.Th>{words.type}</Table.Th>
                <Table.Th>{words.device}</Table.Th>
                <Table.Th>{text.commands.run.detail}</Table.Th>
                <Table.Th>{words.by}</Table.Th>
                <Table.Th>{words.when}</Table.Th>
                <Table.Th>{words.took}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {records.map(record => (
                <Row key={record.commandId} record={record} filters={filters} />
              ))}
            </Table.Tbody>
          </Table>
        </div>
      )}
      {history.isSuccess && records.length === 0 && (
        <Nothing filtered={filtered} onClear={() => go({})} />
      )}
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
        data={(specs.data ?? []).map(({ type }) => ({ value: type, label: titleOf(type) }))}
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

function Row({ record, filters }: { record: CommandRecord; filters: CommandsSearch }) {
  const text = useText();
  const progress = record.progress as Progress | null;
  const name = fleet.device(record.deviceId)?.name ?? record.deviceId;
  const took = tookMs(record);
  const title = titleOf(record.type);
  return (
    <Table.Tr data-command={record.commandId}>
      <Table.Td>
        <CommandStatus status={record.status} />
      </Table.Td>
      <Table.Td>
        <Link
          to="/commands"
          search={{ ...filters, device: record.deviceId, command: record.commandId ?? "" }}
          className={classes.open}
          aria-label={text.commands.page.open(title, name)}
        >
          {title}
        </Link>
      </Table.Td>
      <Table.Td>
        <Link
          to="/devices/$deviceId"
          params={{ deviceId: record.deviceId }}
          className={classes.link}
        >
          {name}
        </Link>
      </Table.Td>
      <Table.Td className={classes.detail ?? ""}>
        {record.status === "RUNNING" ? (
          <CommandProgress percent={progress?.percent ?? null} stage={progress?.stage ?? ""} />
        ) : (
          detailOf({ error: record.error ?? null, output: record.output ?? null }, text)
        )}
      </Table.Td>
      <Table.Td>{record.actor}</Table.Td>
      <Table.Td>
        <TimeText at={record.createdAt} />
      </Table.Td>
      <Table.Td>{took === null ? <span className="dim">–</span> : duration(took)}</Table.Td>
    </Table.Tr>
  );
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
