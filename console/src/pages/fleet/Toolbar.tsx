import {
  Button,
  Checkbox,
  CloseButton,
  Indicator,
  Menu,
  Popover,
  Select,
  Stack,
  TextInput,
  UnstyledButton,
} from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { type FormEvent, useEffect, useState } from "react";
import { BookmarkIcon, ColumnsIcon, SearchIcon, SettingsIcon, TrashIcon } from "../../parts/icons";
import { useText } from "../../text";
import { number } from "../../text/format";
import { COLUMNS, columnOf, type SavedView, toggled } from "./columns";
import { columnTitle } from "./FleetTable";
import classes from "./fleet.module.css";
import { type FleetSearch, isFiltered } from "./search";
import type { Facets } from "./view";

const TYPING_MS = 150;
const STATUSES = ["ONLINE", "DEGRADED", "ERROR", "DISABLED", "OFFLINE"];

type Props = {
  search: FleetSearch;
  onSearch: (search: FleetSearch) => void;
  facets: Facets;
  groups: ReadonlyMap<string, string>;
  columns: readonly string[];
  onColumns: (columns: string[]) => void;
  views: readonly SavedView[];
  onViews: (views: SavedView[]) => void;
  compact: boolean;
};

export function Toolbar(props: Props) {
  const { search, onSearch, compact } = props;
  const text = useText().fleet;
  const filters = <Filters {...props} />;
  return (
    <search className={classes.toolbar}>
      <SearchField q={search.q ?? ""} onChange={q => onSearch(withValue(search, "q", q))} />
      {compact ? (
        <Indicator disabled={!isFiltered(withValue(search, "q", null))} size={8}>
          <Popover position="bottom-start" withinPortal>
            <Popover.Target>
              <Button variant="default" size="sm" leftSection={<SettingsIcon size={15} />}>
                {text.filters}
              </Button>
            </Popover.Target>
            <Popover.Dropdown>
              <Stack gap="xs">{filters}</Stack>
            </Popover.Dropdown>
          </Popover>
        </Indicator>
      ) : (
        <div data-filters>{filters}</div>
      )}
      <div className={classes.spread}>
        <Views {...props} />
        {!compact && <Columns {...props} />}
      </div>
    </search>
  );
}

/** Without the value it is left out of the address. */
function withValue<K extends keyof FleetSearch>(
  search: FleetSearch,
  key: K,
  value: FleetSearch[K] | null,
): FleetSearch {
  const { [key]: _, ...others } = search;
  return value === null || value === "" || value === undefined
    ? others
    : { ...others, [key]: value };
}

function SearchField({ q, onChange }: { q: string; onChange: (q: string) => void }) {
  const text = useText().fleet;
  const [typed, setTyped] = useState(q);
  const tell = useDebouncedCallback(onChange, TYPING_MS);
  useEffect(() => setTyped(q), [q]);
  const change = (value: string) => {
    setTyped(value);
    tell(value);
  };
  return (
    <TextInput
      data-search
      className={classes.search ?? ""}
      leftSection={<SearchIcon size={15} />}
      rightSection={
        typed && <CloseButton size="sm" aria-label={text.clearSearch} onClick={() => change("")} />
      }
      placeholder={text.search}
      aria-label={text.search}
      value={typed}
      onChange={event => change(event.currentTarget.value)}
    />
  );
}

function Filters({ search, onSearch, facets, groups }: Props) {
  const text = useText();
  const { filter } = text.fleet;
  const counted = (values: ReadonlyMap<string, number>) =>
    [...values].map(([value, count]) => ({
      value,
      label: `${value} (${number(count)})`,
    }));
  const select = (key: "status" | "group" | "tag" | "version", width: number) => ({
    "aria-label": filter[key],
    placeholder: filter[key],
    clearable: true,
    w: width,
    value: search[key] ?? null,
    onChange: (value: string | null) => onSearch(withValue(search, key, value)),
  });
  const known = (value: string | undefined, values: ReadonlyMap<string, number>) =>
    value === undefined || values.has(value) ? values : new Map([...values, [value, 0]]);
  return (
    <>
      <Select
        {...select("status", 106)}
        data={STATUSES.map(value => ({ value, label: text.common.statuses[value] ?? value }))}
      />
      <Select
        aria-label={filter.connected}
        placeholder={filter.connected}
        clearable
        w={128}
        value={search.connected === undefined ? null : String(search.connected)}
        onChange={value =>
          onSearch(withValue(search, "connected", value === null ? null : value === "true"))
        }
        data={[
          { value: "true", label: filter.isConnected },
          { value: "false", label: filter.isNotConnected },
        ]}
      />
      <Select
        {...select("group", 104)}
        searchable
        data={[...groups].map(([value, label]) => ({ value, label }))}
      />
      <Select {...select("tag", 96)} searchable data={counted(known(search.tag, facets.tags))} />
      <Select
        {...select("version", 106)}
        searchable
        data={counted(known(search.version, facets.versions))}
      />
    </>
  );
}

function Columns({ columns, onColumns, facets }: Props) {
  const text = useText();
  const metrics = [
    ...new Set([
      ...columns.filter(id => id.startsWith("metric:")),
      ...facets.metrics.map(columnOf),
    ]),
  ];
  return (
    <Popover position="bottom-end" width={260}>
      <Popover.Target>
        <Button variant="default" size="sm" leftSection={<ColumnsIcon size={15} />}>
          {text.fleet.columnsMenu}
        </Button>
      </Popover.Target>
      <Popover.Dropdown mah={420} style={{ overflow: "auto" }}>
        <Stack gap={8}>
          {[...COLUMNS, ...metrics].map(id => (
            <Checkbox
              key={id}
              size="xs"
              label={columnTitle(id, text)}
              checked={columns.includes(id)}
              onChange={() => onColumns(toggled(columns, id))}
            />
          ))}
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}

function Views({ search, onSearch, views, onViews }: Props) {
  const text = useText();
  const [name, setName] = useState("");
  const save = (event: FormEvent) => {
    event.preventDefault();
    const trimmed = name.trim();
    if (trimmed === "") return;
    onViews([...views.filter(view => view.name !== trimmed), { name: trimmed, search }]);
    setName("");
  };
  return (
    <Menu position="bottom-end" width={280} closeOnItemClick={false}>
      <Menu.Target>
        <Button variant="default" size="sm" leftSection={<BookmarkIcon size={15} />}>
          {text.fleet.views}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {views.length === 0 && <Menu.Label>{text.fleet.noViews}</Menu.Label>}
        {views.map(view => (
          <Menu.Item
            key={view.name}
            component="div"
            rightSection={
              <UnstyledButton
                aria-label={text.fleet.deleteView(view.name)}
                onClick={event => {
                  event.stopPropagation();
                  onViews(views.filter(one => one !== view));
                }}
              >
                <TrashIcon size={14} />
              </UnstyledButton>
            }
            onClick={() => onSearch(view.search)}
          >
            {view.name}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <form onSubmit={save} style={{ display: "flex", gap: 6, padding: 6 }}>
          <TextInput
            size="xs"
            flex={1}
            aria-label={text.fleet.viewName}
            placeholder={text.fleet.viewName}
            maxLength={64}
            value={name}
            onChange={event => setName(event.currentTarget.value)}
            onKeyDown={event => event.stopPropagation()}
          />
          <Button type="submit" size="xs">
            {text.common.save}
          </Button>
        </form>
      </Menu.Dropdown>
    </Menu>
  );
}
