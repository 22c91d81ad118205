/** Keeps the counts of the list current. */
import { useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import { EVERY_STATE, statesOf } from "../../api/applications";
import { readAgain } from "../../api/readAgain";
import type { LiveEvent } from "../../live/frames";
import { useLiveRead } from "../../live/useLiveRead";
import { useSoon } from "../../live/useSoon";

/** A device that is given an application has not said so yet, and which one it is nobody says. */
const ALL_MS = 5000;

export function useLiveStates(): void {
  const queries = useQueryClient();
  const changed = useRef(new Set<string>());
  const read = () => void readAgain(queries, EVERY_STATE);
  const readAll = useSoon(read, ALL_MS);
  const readChanged = useSoon(() => {
    for (const name of changed.current) void readAgain(queries, statesOf(name));
    changed.current.clear();
  });
  const onEvent = ({ type, kind, application }: LiveEvent) => {
    if (type === "workload_status") {
      changed.current.add(String(application));
      readChanged();
    } else if (kind === "device") readAll();
  };
  useLiveRead({ types: ["workload_status", "record_changed"] }, { onEvent, read });
}
