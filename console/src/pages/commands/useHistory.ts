/** The newest commands of all devices, page by page, and what happens to those that are shown. */
import { type InfiniteData, useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { api, page } from "../../api/client";
import { commandRecord } from "../../api/commands/requests";
import { readAgain } from "../../api/readAgain";
import { type CommandRecord, touched } from "../../live/commands/records";
import type { LiveEvent } from "../../live/frames";
import { onceMissed } from "../../live/freshness";
import { useLive } from "../../live/hooks";
import type { CommandsSearch } from "./search";

const PAGE = 50;

type Part = { items: CommandRecord[]; next: string | null };
type Pages = InfiniteData<Part, string | null>;

export function useHistory(search: CommandsSearch) {
  const { status, type, batch } = search;
  const queries = useQueryClient();
  const key = ["commands", status, type, batch];
  const [newer, setNewer] = useState(0);
  const waiting = useRef<LiveEvent[]>([]);
  const frame = useRef(0);
  useEffect(() => () => cancelAnimationFrame(frame.current), []);
  const history = useInfiniteQuery({
    queryKey: key,
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }): Promise<Part> => {
      if (pageParam === null) setNewer(0);
      const query = {
        limit: PAGE,
        ...(status && { status: [status as "SUCCESS"] }),
        ...(type && { type: [type as "force_sync"] }),
        ...(batch && { batchId: batch }),
        ...(pageParam && { cursor: pageParam }),
      };
      return page(api.GET("/api/v1/commands", { params: { query } }));
    },
    getNextPageParam: last => last.next,
  });
  const records = history.data?.pages.flatMap(({ items }) => items) ?? [];

  const put = (record: CommandRecord) =>
    queries.setQueryData<Pages>(key, known => known && replaced(known, record));

  const again = () => void readAgain(queries, key);

  const apply = () => {
    frame.current = 0;
    const events = waiting.current;
    waiting.current = [];
    for (const event of events) {
      const known = queries.getQueryData<Pages>(key)?.pages.flatMap(({ items }) => items) ?? [];
      const { records: next, ended } = touched(known, event);
      if (next === known) continue;
      const record = next.find(({ commandId }) => commandId === event.commandId);
      if (record) put(record);
      if (ended?.commandId) {
        // What cannot be read alone is read with the list.
        void commandRecord(ended.deviceId, ended.commandId).then(put).catch(again);
      }
    }
  };

  useLive(
    { types: ["command_accepted", "command_progress", "command_result"] },
    {
      onEvent: event => {
        if (event.type === "command_accepted" && isAskedFor(event, search)) {
          setNewer(count => count + 1);
        }
        waiting.current.push(event);
        frame.current ||= requestAnimationFrame(apply);
      },
      ...onceMissed(again),
    },
  );

  return { ...history, records, newer };
}

/** Whether a command that was accepted now belongs to the list. What it becomes is not known yet. */
function isAskedFor(event: LiveEvent, { status, type, batch }: CommandsSearch): boolean {
  return (
    status === undefined &&
    (type === undefined || event.commandType === type) &&
    (batch === undefined || event.batchId === batch)
  );
}

function replaced(pages: Pages, record: CommandRecord): Pages {
  return {
    ...pages,
    pages: pages.pages.map(part => ({
      ...part,
      items: part.items.map(one => (one.commandId === record.commandId ? record : one)),
    })),
  };
}
