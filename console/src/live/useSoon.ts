import { useEffect, useRef } from "react";

/** Events say what devices do, not what becomes of the whole: that is read, at most this often. */
const READ_MS = 700;

/** What is called as often as events come, and calls `read` soon after, never more often. */
export function useSoon(read: () => void, withinMs = READ_MS): () => void {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const newest = useRef(read);
  newest.current = read;
  useEffect(() => () => clearTimeout(timer.current), []);
  return () => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      newest.current();
    }, withinMs);
  };
}
