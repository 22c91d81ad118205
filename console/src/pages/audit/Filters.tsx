import { Button, CloseButton, Select, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useEffect, useState } from "react";
import { CrossIcon, SearchIcon } from "../../parts/icons";
import { useText } from "../../text";
import classes from "./audit.module.css";
import type { AuditSearch } from "./search";

const TYPING_MS = 250;
const PERIODS = ["1", "24", "168", "720"];
const EXACTLY = "exactly";

type Props = { search: AuditSearch; onSearch: (search: AuditSearch) => void };

export function Filters({ search, onSearch }: Props) {
  const words = useText().audit;
  const filtered = Object.keys(search).length > 0;
  return (
    <search className={classes.filters}>
      <Words search={search} onSearch={onSearch} />
      <Period search={search} onSearch={onSearch} />
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
            {words.only(words[key], value)}
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
    else if (value === EXACTLY)
      onSearch({ ...others, since: new Date().toISOString().slice(0, 10) });
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
          <TextInput
            key={key}
            type="datetime-local"
            aria-label={words[key]}
            value={local(search[key])}
            onChange={event => set(key, event.currentTarget.value)}
          />
        ))}
    </>
  );
}

/** As a field of the browser wants it, in its own zone. */
function local(moment: string | undefined): string {
  if (moment === undefined) return "";
  const at = new Date(moment);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
