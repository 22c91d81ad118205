import { useHubNow } from "../live/hubClock";
import { useText } from "../text";
import { absoluteTime, relativeTime } from "../text/format";

/** How long ago; the full time with its zone, and UTC, on hover. */
export function TimeText({ at, full }: { at: string | null; full?: boolean }) {
  const text = useText();
  const hubNow = useHubNow();
  if (at === null) return <span className="dim">{text.common.never}</span>;
  // The browser's own tooltip: a table has a thousand of these.
  return (
    <time dateTime={at} title={`${absoluteTime(at)} (${at})`}>
      {full ? absoluteTime(at) : relativeTime(at, hubNow, text.common.now)}
    </time>
  );
}
