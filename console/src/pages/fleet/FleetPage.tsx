import { Button, Skeleton } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import {
  type Dispatch,
  type SetStateAction,
  useCallback,
  useEffect,
  useMemo,
  useState,
} from "react";
import { usePreference } from "../../api/preferences";
import { fleet, useFleet } from "../../live/fleet";
import type { Device } from "../../live/standing";
import { CommandDialog } from "../../parts/CommandDialog";
import { csv, download } from "../../parts/csv";
import { Empty } from "../../parts/Empty";
import { CommandIcon, DownloadIcon, PlusIcon, SearchIcon } from "../../parts/icons";
import { useGroupsByName } from "../../parts/names";
import { Page } from "../../parts/Page";
import { ProblemLine } from "../../parts/ProblemLine";
import { useCompact } from "../../parts/useCompact";
import { useMay } from "../../session/access";
import { type Text, useText } from "../../text";
import { AddDeviceDialog, EmptyFleet } from "./AddDevice";
import { type FleetPreferences, shownColumns } from "./columns";
import { FleetTable } from "./FleetTable";
import classes from "./fleet.module.css";
import { type FleetSearch, isFiltered } from "./search";
import { choose, chooseAll, extentOf, living, NOTHING, type Selection, sighted } from "./selection";
import { Toolbar } from "./Toolbar";
import { useFacets, useView } from "./useView";

export function FleetPage() {
  const text = useText();
  const search = useSearch({ from: "/devices" });
  const navigate = useNavigate({ from: "/devices" });
  const compact = useCompact();
  const size = useFleet(({ devices }) => devices.size);
  const loading = useFleet(state => state.loading);
  const loaded = useFleet(state => (state.loading ? state.loaded : 0));
  const problem = useFleet(state => state.problem);
  const [selection, setSelection] = useSelection();
  const [only, setOnly] = useOnly(search);
  const ids = useView(search, selection.ids.size > 0 ? only : null);
  const facets = useFacets();
  const groups = useGroupsByName();
  const { value: kept, change } = usePreference<FleetPreferences>("fleet");
  const columns = shownColumns(kept?.columns, facets.metrics);
  const [adding, setAdding] = useState(false);

  const onSearch = (next: FleetSearch) => void navigate({ search: next, replace: true });
  const onChoose = useCallback(
    (id: string, ranged: boolean) => setSelection(known => choose(known, id, ids, ranged)),
    [ids, setSelection],
  );
  if (size === 0 && !loading && !problem) {
    return (
      <Page title={text.shell.pages.fleet} wide>
        <EmptyFleet />
      </Page>
    );
  }
  return (
    <Page
      title={text.shell.pages.fleet}
      aside={
        <output className="dim">
          {loading ? text.fleet.loading(loaded) : text.fleet.count(ids.length, size)}
        </output>
      }
      actions={
        <Button
          variant="default"
          leftSection={<PlusIcon size={15} />}
          onClick={() => setAdding(true)}
        >
          {text.fleet.addTitle}
        </Button>
      }
      wide
      fill
    >
      {adding && <AddDeviceDialog onClose={() => setAdding(false)} />}
      <Toolbar
        search={search}
        onSearch={onSearch}
        facets={facets}
        groups={groups}
        columns={columns}
        onColumns={chosen => change({ ...kept, columns: chosen })}
        views={kept?.views ?? []}
        onViews={views => change({ ...kept, views })}
        compact={compact}
      />
      {problem && <ProblemLine error={problem} onRetry={() => void fleet.load()} />}
      <div className={classes.frame}>
        {size === 0 ? (
          <Loading />
        ) : (
          <>
            <SelectionBar
              selection={selection}
              ids={ids}
              groups={groups}
              onChange={setSelection}
              reviewing={only !== null}
              onReview={setOnly}
            />
            {ids.length > 0 ? (
              <FleetTable
                ids={ids}
                columns={columns}
                groups={groups}
                compact={compact}
                sort={search.sort ?? "name"}
                onSort={sort => onSearch({ ...search, sort })}
                selection={selection}
                onChoose={onChoose}
                onChooseAll={() => setSelection(chooseAll(selection, ids))}
              />
            ) : (
              <Empty icon={SearchIcon} title={text.fleet.noMatch}>
                <p>{text.fleet.noMatchHint}</p>
                {isFiltered(search) && (
                  <Button
                    variant="default"
                    onClick={() => onSearch(search.sort ? { sort: search.sort } : {})}
                  >
                    {text.fleet.clear}
                  </Button>
                )}
              </Empty>
            )}
          </>
        )}
      </div>
    </Page>
  );
}

/** What is chosen, without devices that were deleted meanwhile. */
function useSelection(): [Selection, Dispatch<SetStateAction<Selection>>] {
  const [chosen, setChosen] = useState(NOTHING);
  const roster = useFleet(state => state.roster);
  // biome-ignore lint/correctness/useExhaustiveDependencies: roster says that devices went
  const selection = useMemo(
    () => living(chosen, id => fleet.device(id) !== undefined),
    [chosen, roster],
  );
  return [selection, setChosen];
}

/** Devices that alone are shown, whatever the filters say; until there are other filters. */
function useOnly({ sort: _, ...filters }: FleetSearch) {
  const [only, setOnly] = useState<ReadonlySet<string> | null>(null);
  const key = JSON.stringify(filters);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another filter shows what it finds
  useEffect(() => setOnly(null), [key]);
  return [only, setOnly] as const;
}

function Loading() {
  const text = useText().common;
  return (
    <div className={classes.skeleton} role="status" aria-label={text.loading}>
      {Array.from({ length: 12 }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they are all the same
        <Skeleton key={index} height={18} width={`${92 - ((index * 7) % 23)}%`} />
      ))}
    </div>
  );
}

type BarProps = {
  selection: Selection;
  ids: readonly string[];
  groups: ReadonlyMap<string, string>;
  onChange: (selection: Selection) => void;
  /** Whether only what was chosen is shown. */
  reviewing: boolean;
  onReview: (only: ReadonlySet<string> | null) => void;
};

/** What can be done with the chosen devices; it names those that the filters hide. */
function SelectionBar(props: BarProps) {
  const { selection, ids, groups, onChange, reviewing, onReview } = props;
  const text = useText();
  const may = useMay();
  const [targets, setTargets] = useState<readonly Device[] | null>(null);
  const { size } = selection.ids;
  const { seen, hidden } = useMemo(() => sighted(selection, ids), [selection, ids]);
  const chosen = () => [...selection.ids].flatMap(id => fleet.device(id) ?? []);
  return (
    <>
      {size > 0 && (
        <section className={classes.bar} aria-label={text.fleet.chosen(size)}>
          <strong role="status">
            {hidden > 0 ? text.fleet.chosenHidden(size, hidden) : text.fleet.chosen(size)}
          </strong>
          {hidden > 0 && (
            <>
              <Button variant="light" onClick={() => onReview(selection.ids)}>
                {text.fleet.showChosen}
              </Button>
              <Button
                variant="subtle"
                onClick={() => onChange({ ids: new Set(seen), anchor: null })}
              >
                {text.fleet.dropHidden}
              </Button>
            </>
          )}
          {reviewing && (
            <Button variant="light" onClick={() => onReview(null)}>
              {text.fleet.showMatching}
            </Button>
          )}
          {may("commands:create") && (
            <Button leftSection={<CommandIcon size={14} />} onClick={() => setTargets(chosen())}>
              {text.fleet.send}
            </Button>
          )}
          <Button
            variant="default"
            leftSection={<DownloadIcon size={14} />}
            onClick={() => download("devices.csv", exported(chosen(), groups, text))}
          >
            {text.fleet.export}
          </Button>
          {ids.length > 0 && extentOf(selection, ids) !== "all" && (
            <Button variant="subtle" onClick={() => onChange(chooseAll(selection, ids))}>
              {text.fleet.chooseMatching(ids.length)}
            </Button>
          )}
          <Button variant="subtle" color="gray" onClick={() => onChange(NOTHING)}>
            {text.fleet.chooseNone}
          </Button>
        </section>
      )}
      {targets && <CommandDialog targets={targets} onClose={() => setTargets(null)} />}
    </>
  );
}

function exported(
  devices: readonly Device[],
  groups: ReadonlyMap<string, string>,
  text: Text,
): string {
  const { columns } = text.fleet;
  return csv([
    [
      "id",
      columns.name,
      columns.status,
      columns.lastSeen,
      columns.version,
      columns.groups,
      columns.tags,
    ],
    ...devices.map(device => [
      device.id,
      device.name,
      device.status,
      device.lastSeen,
      device.version,
      device.groupIds.map(id => groups.get(id) ?? id).join(" "),
      device.tags.join(" "),
    ]),
  ]);
}
