/** The commands of a device, page by page and live. */
import { useCallback, useEffect, useRef, useState } from "react";
import { api, page } from "../../../api/client";
import { commandRecord } from "../../../api/commands/requests";
import { type CommandRecord, touched } from "../../../live/commands/records";
import { useLiveRead } from "../../../live/useLiveRead";
import { put } from "./history";

const PAGE = 50;

export function useCommands(deviceId: string) {
  const [records, setRecords] = useState<readonly CommandRecord[]>([]);
  const [next, setNext] = useState<string | null>(null);
  const [loading, setLoading] = useState(true);
  const [problem, setProblem] = useState<unknown>(null);
  const alive = useRef(true);
  useEffect(() => {
    alive.current = true;
    return () => {
      alive.current = false;
    };
  }, []);

  const read = useCallback(
    async (cursor: string | null) => {
      setLoading(true);
      setProblem(null);
      try {
        const query = cursor === null ? { limit: PAGE } : { limit: PAGE, cursor };
        const found = await page(
          api.GET("/api/v1/devices/{id}/commands", { params: { path: { id: deviceId }, query } }),
        );
        if (!alive.current) return;
        setRecords(known => put(known, ...found.items));
        setNext(found.next);
      } catch (error) {
        if (alive.current) setProblem(error);
      }
      if (alive.current) setLoading(false);
    },
    [deviceId],
  );

  const readOne = useCallback(
    (commandId: string) =>
      commandRecord(deviceId, commandId)
        .then(record => alive.current && setRecords(known => put(known, record)))
        // It will be there with the next reading of the list.
        .catch(() => undefined),
    [deviceId],
  );

  useLiveRead(
    { deviceIds: [deviceId], types: ["command_accepted", "command_progress", "command_result"] },
    {
      onEvent: event => {
        // What an event says is shown at once; the whole record is read where there is more to it.
        setRecords(known => touched(known, event).records);
        if (event.type !== "command_progress") void readOne(String(event.commandId));
      },
      read: () => void read(null),
    },
  );

  return {
    records,
    loading,
    reading: {
      isPending: loading,
      isError: problem !== null,
      error: problem,
      refetch: () => read(null),
    },
    more: next === null ? null : () => void read(next),
  };
}
