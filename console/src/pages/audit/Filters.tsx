import { Button, CloseButton, Select, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useEffect, useState } from "react";
import { hubNow } from "../../live/hubClock";
import { useDeviceOptions } from "../../parts/deviceOptions";
import { CrossIcon, SearchIcon } from "../../parts/icons";
import { useText } from "../../text";
import classes from "./audit.module.css";
import { type Names, nameOf } from "./names";
import { type AuditSearch, OUTCOMES } from "./search";

const TYPING_MS = 250;
const PERIODS = ["1", "24", "168", "720"];
const MOST_OPTIONS = 100;
const EXACTLY = "exactly";

type Props = { search: AuditSearch; onSearch: (search: AuditSearch) => void };

export function Filters({ search, names, onSearch }: Props & { names: Names }) {
  const words = useText().audit;
  const filtered = Object.keys(search).length > 0;
  return (
    <search className={classes.filters}>
      <Words search={search} onSearch={onSearch} />
      <Period search={search} onSearch={onSearch} />
      <DeviceInput search={search} onSearch={onSearch} />
      <Select
        aria-label={words.outcome}
        placeholder={words.outcome}
        clearable
        w={110}
        value={search.outcome ?? null}
        onChange={value => {
          const { outcome: _, ...others } = search;
          const outcome = OUTCOMES.find(one => one === value);
          onSearch(outcome === undefined ? others : { ...others, outcome });
        }}
        data={OUTCOMES.map(value => ({ value, label: words.outcomes[value] }))}
      />
      {(["actor", "action", "target"] as const).map(key => {
        const { [key]: value, ...others } = search;
        if (value === undefined) return null;
        return (
          <Button
            key={key}
            variant="light"
            rightSection={<CrossIcon size={12} />}
            title={words.dropFilter(words[key])}
            onClick={() => onSearch(others)}
          >
            {words.only(words[key], nameOf(value, names))}
          </Button>
        );
      })}
      {filtered && (
        <Button variant="subtle" color="gray" onClick={() => onSearch({})}>
          {words.clear}
        </Button>
      )}
    </search>
  );
}

/** All that was done to one device. */
function DeviceInput({ search, onSearch }: Props) {
  const words = useText().audit;
  const options = useDeviceOptions();
  const { target, ...others } = search;
  return (
    <Select
      aria-label={words.device}
      placeholder={words.device}
      searchable
      clearable
      w={180}
      limit={MOST_OPTIONS}
      nothingFoundMessage={words.noDevice}
      value={options.some(({ value }) => value === target) ? (target ?? null) : null}
      onChange={value => onSearch(value === null ? others : { ...others, target: value })}
      data={options}
    />
  );
}

function Words({ search, onSearch }: Props) {
  const words = useText().audit;
  const [typed, setTyped] = useState(search.q ?? "");
  useEffect(() => setTyped(search.q ?? ""), [search.q]);
  const say = useDebouncedCallback((q: string) => {
    const { q: _, ...others } = search;
    onSearch(q.trim() === "" ? others : { ...others, q: q.trim() });
  }, TYPING_MS);
  const change = (value: string) => {
    setTyped(value);
    say(value);
  };
  return (
    <TextInput
      data-search
      className={classes.words ?? ""}
      leftSection={<SearchIcon size={15} />}
      rightSection={
        typed && <CloseButton size="sm" aria-label={words.clearSearch} onClick={() => change("")} />
      }
      placeholder={words.search}
      aria-label={words.search}
      value={typed}
      onChange={event => change(event.currentTarget.value)}
    />
  );
}

/** Some hours back, or from one moment to another. */
function Period({ search, onSearch }: Props) {
  const words = useText().audit;
  const { hours, since, until, ...others } = search;
  const exactly = since !== undefined || until !== undefined;
  const choose = (value: string | null) => {
    if (value === null) onSearch(others);
    else if (value === EXACTLY) onSearch({ ...others, since: midnight(hubNow()) });
    else onSearch({ ...others, hours: Number(value) });
  };
  const set = (key: "since" | "until", value: string) => {
    const { [key]: _, ...rest } = search;
    onSearch(value === "" ? rest : { ...rest, [key]: new Date(value).toISOString() });
  };
  return (
    <>
      <Select
        aria-label={words.time}
        placeholder={words.anyTime}
        clearable
        w={150}
        value={exactly ? EXACTLY : hours === undefined ? null : String(hours)}
        onChange={choose}
        data={[
          ...PERIODS.map(value => ({ value, label: words.periods[value] ?? value })),
          { value: EXACTLY, label: words.exactly },
        ]}
      />
      {exactly &&
        (["since", "until"] as const).map(key => (
          <Moment
            key={key}
            label={words[key]}
            moment={search[key]}
            onChange={value => set(key, value)}
          />
        ))}
    </>
  );
}

type MomentProps = {
  label: string;
  moment: string | undefined;
  onChange: (typed: string) => void;
};

/** Keeps what is typed until the field is left: each key would be another moment, half of it typed. */
function Moment({ label, moment, onChange }: MomentProps) {
  const [typed, setTyped] = useState<string | null>(null);
  const leave = () => {
    if (typed !== null && typed !== local(moment)) onChange(typed);
    setTyped(null);
  };
  return (
    <TextInput
      type="datetime-local"
      aria-label={label}
      value={typed ?? local(moment)}
      onChange={event => setTyped(event.currentTarget.value)}
      onBlur={leave}
      onKeyDown={event => event.key === "Enter" && leave()}
    />
  );
}

/** Of today, here. */
function midnight(now: number): string {
  return new Date(new Date(now).setHours(0, 0, 0, 0)).toISOString();
}

/** As a field of the browser wants it, in its own zone. */
function local(moment: string | undefined): string {
  if (moment === undefined) return "";
  const at = new Date(moment);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
