import { STATUSES, type Tally } from "../../live/waves";
import { useText } from "../../text";
import { number } from "../../text/format";
import classes from "./campaigns.module.css";

type Props = { tally: Tally; total: number; tall?: boolean };

/** How devices stand, as parts of one bar; the numbers are its name. */
export function Bar({ tally, total, tall }: Props) {
  const words = useText().campaigns;
  const said = STATUSES.filter(status => tally[status] > 0).map(
    status => `${number(tally[status])} ${words.counts[status]}`,
  );
  return (
    <span
      className={classes.bar}
      data-tall={tall || undefined}
      role="img"
      aria-label={said.join(", ") || words.nobody}
      title={said.join(", ")}
    >
      {STATUSES.map(
        status =>
          tally[status] > 0 && (
            <span
              key={status}
              data-status={status}
              style={{ width: `${(100 * tally[status]) / total}%` }}
            />
          ),
      )}
    </span>
  );
}
