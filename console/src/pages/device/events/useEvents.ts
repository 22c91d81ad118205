/** Production events of a device, page by page and live. */
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { api, page } from "../../../api/client";
import { useLiveRead } from "../../../live/useLiveRead";
import { covered, type Happening, happening, merged, TYPES } from "./describe";

const PAGE = 100;
const MOST = 2000;

type EventName = (typeof TYPES)[number];
type Places = ReadonlyMap<EventName, { cursor: string; readTo: string }>;

/** Of one type, or of all. Give the component that uses it a `key` of the type. */
export function useEvents(deviceId: string, type: EventName | null) {
  const [events, setEvents] = useState<readonly Happening[]>([]);
  /** Of the types that have more: where to go on, and how far they were read. */
  const [places, setPlaces] = useState<Places>(new Map());
  const [loading, setLoading] = useState(true);
  const [problem, setProblem] = useState<unknown>(null);
  const waiting = useRef<Happening[]>([]);
  const frame = useRef(0);
  useEffect(() => () => cancelAnimationFrame(frame.current), []);

  /** The hub lists status events among the others: each type is asked for by itself. */
  const read = useCallback(
    async (from: Places | null) => {
      setLoading(true);
      setProblem(null);
      const types = from === null ? (type === null ? TYPES : [type]) : [...from.keys()];
      try {
        const parts = await Promise.all(
          types.map(async one => {
            const cursor = from?.get(one)?.cursor;
            const query = { type: [one], limit: PAGE, ...(cursor === undefined ? {} : { cursor }) };
            const found = await page(
              api.GET("/api/v1/devices/{id}/events", { params: { path: { id: deviceId }, query } }),
            );
            return { one, ...found };
          }),
        );
        const read = parts.flatMap(({ items }) => items.map(({ event }) => happening(event)));
        setEvents(known => merged(known, read, MOST));
        setPlaces(
          new Map(
            parts.flatMap(({ one, items, next }) => {
              const last = items.at(-1);
              if (next === null || last === undefined) return [];
              return [[one, { cursor: next, readTo: happening(last.event).ts }] as const];
            }),
          ),
        );
      } catch (error) {
        setProblem(error);
      }
      setLoading(false);
    },
    [deviceId, type],
  );

  useLiveRead(
    { deviceIds: [deviceId], types: type === null ? TYPES : [type] },
    {
      onEvent: event => {
        waiting.current.push(happening(event));
        frame.current ||= requestAnimationFrame(() => {
          frame.current = 0;
          const some = waiting.current;
          waiting.current = [];
          setEvents(known => merged(known, some, MOST));
        });
      },
      read: () => void read(null),
    },
  );
  return {
    events: useMemo(
      () =>
        covered(
          events,
          [...places.values()].map(({ readTo }) => readTo),
        ),
      [events, places],
    ),
    loading,
    reading: {
      isPending: loading,
      isError: problem !== null,
      error: problem,
      refetch: () => read(null),
    },
    more: places.size === 0 || events.length >= MOST ? null : () => void read(places),
  };
}
